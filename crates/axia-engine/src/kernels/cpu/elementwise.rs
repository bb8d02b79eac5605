//! Additions, copies, moves of rows, and RMS normalisation (Zhang and Sennrich 2019).

use super::super::Write;
use super::simd::{dispatch, dot};
use rayon::prelude::*;

const CHUNK: usize = 16384;

/// `y += x`
pub(crate) fn add(x: &[f32], y: &mut [f32]) {
    y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| {
        for (y, &x) in y.iter_mut().zip(x) {
            *y += x;
        }
    });
}

/// Adds `row` to every row of `y` `(tokens, row.len())`.
pub(crate) fn add_to_rows(row: &[f32], y: &mut [f32]) {
    y.par_chunks_mut(row.len()).with_min_len(32).for_each(|y| {
        y.iter_mut().zip(row).for_each(|(y, &x)| *y += x);
    });
}

/// `x *= factor`
pub(crate) fn scale(x: &mut [f32], factor: f32) {
    x.par_chunks_mut(CHUNK).for_each(|x| x.iter_mut().for_each(|v| *v *= factor));
}

/// `Σ x²` in double precision; the order of the sum is fixed.
pub(crate) fn square_sum(x: &[f32]) -> f64 {
    let parts: Vec<f64> = x
        .par_chunks(CHUNK)
        .map(|x| x.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>())
        .collect();
    parts.iter().sum()
}

/// `out[i] = x[rows[i]]` for rows of `width`.
pub(crate) fn gather(x: &[f32], rows: &[u32], width: usize, out: &mut [f32]) {
    out.par_chunks_mut(width).zip(rows).with_min_len(32).for_each(|(out, &row)| {
        out.copy_from_slice(&x[row as usize * width..][..width]);
    });
}

/// `out[rows[i]] = x[i]` (or `+=`).
pub(crate) fn scatter(x: &[f32], rows: &[u32], width: usize, write: Write, out: &mut [f32]) {
    for (x, &row) in x.chunks(width).zip(rows) {
        let out = &mut out[row as usize * width..][..width];
        match write {
            Write::Set => out.copy_from_slice(x),
            Write::Add => out.iter_mut().zip(x).for_each(|(o, v)| *o += v),
        }
    }
}

/// One AdamW step as `torch.optim.AdamW` takes it: decoupled decay first, then the moments with
/// bias correction.
pub(crate) fn adamw(
    settings: &super::super::AdamW,
    parameters: &mut [f32],
    gradients: &[f32],
    [first, second]: [&mut [f32]; 2],
) {
    let s = settings;
    let correction = |beta: f64| 1.0 - beta.powf(s.step as f64);
    let step = (s.lr / correction(s.beta1)) as f32;
    let root = (1.0 / correction(s.beta2).sqrt()) as f32;
    let keep = (1.0 - s.lr * s.weight_decay) as f32;
    let (beta1, beta2, eps) = (s.beta1 as f32, s.beta2 as f32, s.eps as f32);
    let (new1, new2) = ((1.0 - s.beta1) as f32, (1.0 - s.beta2) as f32);
    parameters
        .par_chunks_mut(CHUNK)
        .zip(gradients.par_chunks(CHUNK))
        .zip(first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK)))
        .for_each(|((w, g), (m, v))| {
            dispatch(
                #[inline(always)]
                || {
                    for (((w, &g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
                        *m = beta1 * *m + new1 * g;
                        *v = beta2 * *v + new2 * g * g;
                        *w = *w * keep - step * *m / (v.sqrt() * root + eps);
                    }
                },
            )
        });
}

/// `y = x · w / rms(x)`, row by row; `x`, `y` are `(tokens, hidden)`, `weight` is `(hidden)`.
pub(crate) fn rms_norm(x: &[f32], weight: &[f32], eps: f32, y: &mut [f32]) {
    let hidden = weight.len();
    y.par_chunks_mut(hidden).zip(x.par_chunks(hidden)).with_min_len(16).for_each(|(y, x)| {
        dispatch(
            #[inline(always)]
            || {
                let scale = inverse_rms(x, eps);
                for ((y, &x), &w) in y.iter_mut().zip(x).zip(weight) {
                    *y = x * scale * w;
                }
            },
        )
    });
}

/// The gradient of [`rms_norm`] with respect to `x`, set in or added to `dx`.
///
/// With `s = 1/rms(x)` and `g = dy·w` it is `s·g − x · s³/hidden · Σ g·x`.
/// All of `dy`, `x`, `dx` are `(tokens, hidden)`.
pub(crate) fn rms_norm_backward(
    dy: &[f32],
    x: &[f32],
    weight: &[f32],
    eps: f32,
    write: Write,
    dx: &mut [f32],
) {
    let hidden = weight.len();
    dx.par_chunks_mut(hidden)
        .zip(x.par_chunks(hidden))
        .zip(dy.par_chunks(hidden))
        .with_min_len(16)
        .for_each(|((dx, x), dy)| {
            dispatch(
                #[inline(always)]
                || {
                    if write == Write::Set {
                        dx.fill(0.0);
                    }
                    norm_row_backward(dy, x, weight, eps, dx);
                },
            )
        });
}

#[inline(always)]
fn norm_row_backward(dy: &[f32], x: &[f32], weight: &[f32], eps: f32, dx: &mut [f32]) {
    let scale = inverse_rms(x, eps);
    // Σ dy·w·x, in chunks so that the product dy·w needs no row-sized buffer.
    let mut sum = 0f32;
    let mut g = [0f32; 64];
    for ((dy, x), w) in dy.chunks(64).zip(x.chunks(64)).zip(weight.chunks(64)) {
        for ((g, &dy), &w) in g.iter_mut().zip(dy).zip(w) {
            *g = dy * w;
        }
        sum += dot(&g[..x.len()], x);
    }
    let pull = sum * scale * scale * scale / x.len() as f32;
    for (((dx, &x), &dy), &w) in dx.iter_mut().zip(x).zip(dy).zip(weight) {
        *dx += (dy * w).mul_add(scale, -x * pull);
    }
}

#[inline(always)]
fn inverse_rms(x: &[f32], eps: f32) -> f32 {
    1.0 / (dot(x, x) / x.len() as f32 + eps).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::super::AdamW;
    use super::super::testing::{check_gradient, random};
    use super::*;

    #[test]
    fn first_adamw_step_moves_by_the_learning_rate() {
        let settings =
            AdamW { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.5, step: 1 };
        let (mut w, mut m, mut v) = ([1.0f32, -2.0], [0.0; 2], [0.0; 2]);
        adamw(&settings, &mut w, &[0.3, -7.0], [&mut m, &mut v]);
        // From zero moments the step is lr·sign(g); decay multiplies by 1 − 0.1·0.5 before it.
        assert!((w[0] - (0.95 - 0.1)).abs() < 1e-6 && (w[1] - (-1.9 + 0.1)).abs() < 1e-6);
        assert!((m[0] - 0.03).abs() < 1e-7 && (v[0] - 9e-5).abs() < 1e-9);
    }

    #[test]
    fn rows_are_added_to_every_row() {
        let mut y = [1.0, 2.0, 3.0, 4.0];
        add_to_rows(&[10.0, 20.0], &mut y);
        assert_eq!(y, [11.0, 22.0, 13.0, 24.0]);
    }

    #[test]
    fn gather_and_scatter_are_each_others_transpose() {
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut picked = [0.0; 4];
        gather(&x, &[2, 0], 2, &mut picked);
        assert_eq!(picked, [5.0, 6.0, 1.0, 2.0]);
        let mut back = [10.0; 6];
        scatter(&picked, &[2, 0], 2, Write::Add, &mut back);
        assert_eq!(back, [11.0, 12.0, 10.0, 10.0, 15.0, 16.0]);
        scatter(&picked, &[1, 0], 2, Write::Set, &mut back);
        assert_eq!(back, [1.0, 2.0, 5.0, 6.0, 15.0, 16.0]);
        assert_eq!(square_sum(&picked), 66.0);
    }

    #[test]
    fn hand_computed_row() {
        let mut y = [0.0; 2];
        rms_norm(&[3.0, 4.0], &[1.0, 2.0], 0.0, &mut y);
        let rms = 12.5f32.sqrt();
        assert!((y[0] - 3.0 / rms).abs() < 1e-6 && (y[1] - 8.0 / rms).abs() < 1e-6);
    }

    #[test]
    fn backward_matches_finite_differences() {
        let (tokens, hidden) = (3, 70);
        let x = random(tokens * hidden, 1);
        let w = random(hidden, 2);
        let dy = random(tokens * hidden, 3);
        let mut dx = vec![9.0; x.len()];
        rms_norm_backward(&dy, &x, &w, 1e-5, Write::Set, &mut dx);
        check_gradient(&x, &dx, |x| {
            let mut y = vec![0.0; x.len()];
            rms_norm(x, &w, 1e-5, &mut y);
            y.iter().zip(&dy).map(|(&y, &d)| y as f64 * d as f64).sum()
        });
        let mut twice = dx.clone();
        rms_norm_backward(&dy, &x, &w, 1e-5, Write::Add, &mut twice);
        assert!(twice.iter().zip(&dx).all(|(twice, dx)| (twice - 2.0 * dx).abs() < 1e-5));
    }
}
