//! RMS norm (Zhang & Sennrich 2019) and its backward pass.

use super::super::Write;
use super::simd::{dispatch, dot};
use rayon::prelude::*;

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
    use super::super::testing::{check_gradient, random};
    use super::*;

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
