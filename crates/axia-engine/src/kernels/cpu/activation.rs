//! The gated activation of Llama's feed-forward block (SwiGLU, Shazeer 2020).

use super::simd::{dispatch, exp};
use rayon::prelude::*;

/// Elements one task works on: large enough to amortise scheduling, small enough for the L2.
const CHUNK: usize = 8192;

/// `out = silu(gate) · up`, elementwise over `(tokens, ffn)`.
pub(crate) fn silu_mul(gate: &[f32], up: &[f32], out: &mut [f32]) {
    out.par_chunks_mut(CHUNK).zip(gate.par_chunks(CHUNK)).zip(up.par_chunks(CHUNK)).for_each(
        |((out, gate), up)| {
            dispatch(
                #[inline(always)]
                || {
                    for ((out, &g), &u) in out.iter_mut().zip(gate).zip(up) {
                        *out = g / (1.0 + exp(-g)) * u;
                    }
                },
            )
        },
    );
}

/// Backward of [`silu_mul`]: `gate` and `up` are replaced by their own gradients.
pub(crate) fn silu_mul_backward(dout: &[f32], gate: &mut [f32], up: &mut [f32]) {
    gate.par_chunks_mut(CHUNK).zip(up.par_chunks_mut(CHUNK)).zip(dout.par_chunks(CHUNK)).for_each(
        |((gate, up), dout)| {
            dispatch(
                #[inline(always)]
                || {
                    for ((gate, up), &d) in gate.iter_mut().zip(up.iter_mut()).zip(dout) {
                        let (g, u) = (*gate, *up);
                        let sigmoid = 1.0 / (1.0 + exp(-g));
                        let silu = g * sigmoid;
                        *gate = d * u * sigmoid.mul_add(1.0 - silu, silu);
                        *up = d * silu;
                    }
                },
            )
        },
    );
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_gradient, random};
    use super::*;

    #[test]
    fn known_values() {
        let mut out = [0.0; 2];
        silu_mul(&[0.0, 1.0], &[5.0, 2.0], &mut out);
        assert_eq!(out[0], 0.0);
        assert!((out[1] - 2.0 * 0.731_058_6).abs() < 1e-6);
    }

    #[test]
    fn backward_matches_finite_differences() {
        let (gate, up, dout) = (random(50, 1), random(50, 2), random(50, 3));
        let (mut dgate, mut dup) = (gate.clone(), up.clone());
        silu_mul_backward(&dout, &mut dgate, &mut dup);
        let loss = |gate: &[f32], up: &[f32]| {
            let mut out = vec![0.0; gate.len()];
            silu_mul(gate, up, &mut out);
            out.iter().zip(&dout).map(|(&y, &d)| y as f64 * d as f64).sum()
        };
        check_gradient(&gate, &dgate, |g| loss(g, &up));
        check_gradient(&up, &dup, |u| loss(&gate, u));
    }
}
