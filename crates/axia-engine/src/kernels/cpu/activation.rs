//! Elementwise nonlinearities: the gated activations of feed-forward blocks (SwiGLU and GeGLU,
//! Shazeer 2020) and soft-capping (Gemma 2, 2024).

use super::simd::{dispatch, exp, normal, tanh};
use crate::config::Activation;
use rayon::prelude::*;

/// Elements one task works on: large enough to amortise scheduling, small enough for the L2.
const CHUNK: usize = 8192;

/// A nonlinearity of the gate.
trait Gate: Sync {
    /// `f(x)`
    fn value(x: f32) -> f32;
    /// `f(x)`, and `factor · f'(x)`
    fn with_slope(x: f32, factor: f32) -> (f32, f32);
}

/// Activations `x · sigmoid(z(x))`. The tanh form of GELU is one too, as
/// `(1 + tanh u) / 2 = sigmoid(2u)`.
trait Argument: Sync {
    /// `z` and its derivative at `x`.
    fn argument(x: f32) -> (f32, f32);
}

struct Sigmoidal<A>(std::marker::PhantomData<A>);

impl<A: Argument> Gate for Sigmoidal<A> {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        x / (1.0 + exp(-A::argument(x).0))
    }

    #[inline(always)]
    fn with_slope(x: f32, factor: f32) -> (f32, f32) {
        let (z, slope) = A::argument(x);
        let e = exp(-z);
        let sigmoid = 1.0 / (1.0 + e);
        let value = x * sigmoid;
        // f' = s + x s (1 − s) z', with s the sigmoid and 1 − s = e s.
        (value, factor * sigmoid * (value * slope).mul_add(e, 1.0))
    }
}

struct Silu;

impl Argument for Silu {
    #[inline(always)]
    fn argument(x: f32) -> (f32, f32) {
        (x, 1.0)
    }
}

struct GeluTanh;

impl Argument for GeluTanh {
    #[inline(always)]
    fn argument(x: f32) -> (f32, f32) {
        const TWICE_ROOT: f32 = std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::SQRT_2;
        const CUBIC: f32 = 0.044_715;
        let square = x * x;
        let z = TWICE_ROOT * x * CUBIC.mul_add(square, 1.0);
        (z, TWICE_ROOT * (3.0 * CUBIC).mul_add(square, 1.0))
    }
}

struct Gelu;

impl Gate for Gelu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        x * normal(x).0
    }

    #[inline(always)]
    fn with_slope(x: f32, factor: f32) -> (f32, f32) {
        let (below, density) = normal(x);
        (x * below, factor * x.mul_add(density, below))
    }
}

struct Relu;

impl Gate for Relu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        if x > 0.0 { x } else { 0.0 }
    }

    #[inline(always)]
    fn with_slope(x: f32, factor: f32) -> (f32, f32) {
        if x > 0.0 { (x, factor) } else { (0.0, 0.0) }
    }
}

/// `out = f(gate) · up`, elementwise over `(tokens, ffn)`.
pub(crate) fn gated(activation: Activation, gate: &[f32], up: &[f32], out: &mut [f32]) {
    match activation {
        Activation::Silu => gated_by::<Sigmoidal<Silu>>(gate, up, out),
        Activation::Gelu => gated_by::<Gelu>(gate, up, out),
        Activation::GeluTanh => gated_by::<Sigmoidal<GeluTanh>>(gate, up, out),
        Activation::Relu => gated_by::<Relu>(gate, up, out),
    }
}

fn gated_by<G: Gate>(gate: &[f32], up: &[f32], out: &mut [f32]) {
    out.par_chunks_mut(CHUNK).zip(gate.par_chunks(CHUNK)).zip(up.par_chunks(CHUNK)).for_each(
        |((out, gate), up)| {
            dispatch(
                #[inline(always)]
                || {
                    for ((out, &g), &u) in out.iter_mut().zip(gate).zip(up) {
                        *out = G::value(g) * u;
                    }
                },
            )
        },
    );
}

/// Backward of [`gated`]: `gate` and `up` are replaced by their own gradients.
pub(crate) fn gated_backward(
    activation: Activation,
    dout: &[f32],
    gate: &mut [f32],
    up: &mut [f32],
) {
    match activation {
        Activation::Silu => gated_by_backward::<Sigmoidal<Silu>>(dout, gate, up),
        Activation::Gelu => gated_by_backward::<Gelu>(dout, gate, up),
        Activation::GeluTanh => gated_by_backward::<Sigmoidal<GeluTanh>>(dout, gate, up),
        Activation::Relu => gated_by_backward::<Relu>(dout, gate, up),
    }
}

fn gated_by_backward<G: Gate>(dout: &[f32], gate: &mut [f32], up: &mut [f32]) {
    gate.par_chunks_mut(CHUNK).zip(up.par_chunks_mut(CHUNK)).zip(dout.par_chunks(CHUNK)).for_each(
        |((gate, up), dout)| {
            dispatch(
                #[inline(always)]
                || {
                    for ((gate, up), &d) in gate.iter_mut().zip(up.iter_mut()).zip(dout) {
                        let (value, gradient) = G::with_slope(*gate, d * *up);
                        *gate = gradient;
                        *up = d * value;
                    }
                },
            )
        },
    );
}

/// `x = cap · tanh(x / cap)`
pub(crate) fn softcap(x: &mut [f32], cap: f32) {
    x.par_chunks_mut(CHUNK).for_each(|x| {
        dispatch(
            #[inline(always)]
            || cap_row(x, cap),
        )
    });
}

/// [`softcap`] on the calling thread.
#[inline(always)]
pub(super) fn cap_row(x: &mut [f32], cap: f32) {
    x.iter_mut().for_each(|x| *x = cap * tanh(*x / cap));
}

/// The derivative of soft-capping where it gave `capped`: `1 − tanh²`.
#[inline(always)]
pub(super) fn slopes(capped: &[f32], cap: f32) -> Vec<f32> {
    capped.iter().map(|y| 1.0 - (y / cap) * (y / cap)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_gradient, random};
    use super::*;

    #[test]
    fn known_values() {
        let mut out = [0.0; 3];
        gated(Activation::Silu, &[0.0, 1.0, -2.0], &[5.0, 2.0, 1.0], &mut out);
        for (found, expected) in out.iter().zip([0.0, 2.0 * 0.731_058_6, -0.238_405_84]) {
            assert!((found - expected).abs() < 1e-6);
        }
        gated(Activation::GeluTanh, &[0.0, 1.0, -2.0], &[5.0, 2.0, 1.0], &mut out);
        for (found, expected) in out.iter().zip([0.0, 2.0 * 0.841_192, -0.045_402_31]) {
            assert!((found - expected).abs() < 1e-6, "{found} against {expected}");
        }
        gated(Activation::Gelu, &[0.0, 1.0, -2.0], &[5.0, 2.0, 1.0], &mut out);
        for (found, expected) in out.iter().zip([0.0, 2.0 * 0.841_344_8, -0.045_500_264]) {
            assert!((found - expected).abs() < 1e-6, "{found} against {expected}");
        }
        gated(Activation::Relu, &[0.0, 1.5, -2.0], &[5.0, 2.0, 1.0], &mut out);
        assert_eq!(out, [0.0, 3.0, 0.0]);
    }

    #[test]
    fn backward_matches_finite_differences() {
        use Activation::{Gelu, GeluTanh, Relu, Silu};
        for activation in [Silu, Gelu, GeluTanh, Relu] {
            let mut gate = random(50, 1);
            gate.iter_mut().for_each(|g| *g *= 3.0);
            let (up, dout) = (random(50, 2), random(50, 3));
            let (mut dgate, mut dup) = (gate.clone(), up.clone());
            gated_backward(activation, &dout, &mut dgate, &mut dup);
            let loss = |gate: &[f32], up: &[f32]| {
                let mut out = vec![0.0; gate.len()];
                gated(activation, gate, up, &mut out);
                out.iter().zip(&dout).map(|(&y, &d)| y as f64 * d as f64).sum()
            };
            check_gradient(&gate, &dgate, |g| loss(g, &up));
            check_gradient(&up, &dup, |u| loss(&gate, u));
        }
    }

    #[test]
    fn soft_capping_and_its_slope() {
        let x: Vec<f32> = random(40, 4).iter().map(|x| 6.0 * x).collect();
        let mut capped = x.clone();
        softcap(&mut capped, 2.5);
        for (x, y) in x.iter().zip(&capped) {
            assert!((f64::from(*y) - 2.5 * (f64::from(*x) / 2.5).tanh()).abs() < 1e-6);
        }
        check_gradient(&x, &slopes(&capped, 2.5), |x| {
            x.iter().map(|&x| 2.5 * (f64::from(x) / 2.5).tanh()).sum()
        });
    }
}
