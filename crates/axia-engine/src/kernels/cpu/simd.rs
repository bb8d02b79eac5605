//! Small building blocks that the compiler turns into SIMD.
//!
//! Every kernel runs inside [`dispatch`], which re-compiles its body for the widest instruction
//! set the processor has (AVX-512, AVX2 + FMA, or the baseline) and picks one at run time.
//! Floating-point sums are not reassociated by the compiler, so reductions keep [`LANES`]
//! partial sums by hand.

/// Partial sums kept by a reduction, and the width of one register tile.
pub(super) const LANES: usize = 16;

/// Runs `body` compiled for the widest vector instructions this processor has.
#[inline(always)]
pub(super) fn dispatch<R>(body: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(body)
}

/// `a · b` over the shorter of the two, with [`LANES`] partial sums.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    let (a_full, a_rest) = a.as_chunks::<LANES>();
    let (b_full, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_full.iter().zip(b_full) {
        for l in 0..LANES {
            lanes[l] = x[l].mul_add(y[l], lanes[l]);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    lanes.iter().sum::<f32>() + rest
}

/// Largest element; negative infinity for an empty slice.
#[inline(always)]
pub(super) fn max(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (full, rest) = x.as_chunks::<LANES>();
    for chunk in full {
        for l in 0..LANES {
            lanes[l] = if chunk[l] > lanes[l] { chunk[l] } else { lanes[l] };
        }
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}

/// `Σ exp(x − shift)` in single precision, without storing the terms.
#[inline(always)]
pub(super) fn sum_exp(x: &[f32], shift: f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let (full, rest) = x.as_chunks::<LANES>();
    for chunk in full {
        for l in 0..LANES {
            lanes[l] += exp(chunk[l] - shift);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|&v| exp(v - shift)).sum::<f32>()
}

/// Replaces each `x` by `exp(x − shift)` and returns their sum.
#[inline(always)]
pub(super) fn exp_in_place(x: &mut [f32], shift: f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let (full, rest) = x.as_chunks_mut::<LANES>();
    for chunk in full {
        for l in 0..LANES {
            chunk[l] = exp(chunk[l] - shift);
            lanes[l] += chunk[l];
        }
    }
    let mut sum = lanes.iter().sum::<f32>();
    for v in rest {
        *v = exp(*v - shift);
        sum += *v;
    }
    sum
}

/// Branch-free `eˣ`: Cody–Waite range reduction and a degree-6 polynomial, relative error below
/// 2·10⁻⁷. Arguments are clamped to ±87, where the result still is a normal number.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Adding 1.5·2²³ rounds to the nearest integer and leaves it in the low mantissa bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = if x > 87.0 { 87.0 } else { x };
    let x = if x < -87.0 { -87.0 } else { x };
    let rounded = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    let r = n.mul_add(-LN2_LOW, n.mul_add(-LN2_HIGH, x));
    let p = 1.987_569_1e-4f32;
    let p = p.mul_add(r, 1.398_199_9e-3);
    let p = p.mul_add(r, 8.333_452e-3);
    let p = p.mul_add(r, 4.166_579_6e-2);
    let p = p.mul_add(r, 1.666_666_5e-1);
    let p = p.mul_add(r, 0.5);
    let p = p.mul_add(r * r, r) + 1.0;
    p * f32::from_bits((rounded.to_bits() << 23).wrapping_add(0x3F80_0000))
}

/// `tanh x`, absolute error below 2·10⁻⁷.
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

/// The standard normal distribution: how much of it lies below `x` (absolute error below 2·10⁻⁷),
/// and its density at `x`. Abramowitz and Stegun 7.1.26, branch-free.
#[inline(always)]
pub(super) fn normal(x: f32) -> (f32, f32) {
    // 1 / √(2π)
    const PEAK: f32 = 0.398_942_3;
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let bell = exp(-z * z);
    let t = 1.0 / 0.327_591_1f32.mul_add(z, 1.0);
    let p = 1.061_405_4f32;
    let p = p.mul_add(t, -1.453_152);
    let p = p.mul_add(t, 1.421_413_8);
    let p = p.mul_add(t, -0.284_496_72);
    let p = p.mul_add(t, 0.254_829_6);
    let tail = 0.5 * p * t * bell;
    (if x < 0.0 { tail } else { 1.0 - tail }, PEAK * bell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_is_accurate() {
        // Summing the density in double precision from far below.
        let step = 1e-3;
        let density = |x: f64| (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
        let mut below = 0.0;
        for i in -10_000..10_000 {
            let x = f64::from(i) * step;
            let (found, slope) = normal(x as f32);
            assert!((f64::from(found) - below).abs() < 2.5e-7, "{found} below {x}");
            assert!((f64::from(slope) - density(x)).abs() < 1e-6, "{slope} at {x}");
            // Simpson's rule.
            let middle = 4.0 * density(x + step / 2.0);
            below += step / 6.0 * (density(x) + middle + density(x + step));
        }
        assert_eq!((normal(1e30).0, normal(-1e30).0), (1.0, 0.0));
    }

    #[test]
    fn exp_is_accurate_over_the_whole_range() {
        let mut worst = 0f64;
        for i in -86_990..=86_990 {
            let x = i as f32 * 1e-3;
            let exact = (x as f64).exp();
            worst = worst.max(((exp(x) as f64 - exact) / exact).abs());
        }
        assert!(worst < 2e-7, "worst relative error {worst:e}");
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1e30) < 2e-38 && exp(-1e30) > 0.0);
    }

    #[test]
    fn tanh_is_accurate_over_the_whole_range() {
        for i in -20_000..=20_000 {
            let x = i as f32 * 1e-3;
            assert!((f64::from(tanh(x)) - f64::from(x).tanh()).abs() < 2e-7, "at {x}");
        }
        assert_eq!((tanh(0.0), tanh(1e30), tanh(-1e30)), (0.0, 1.0, -1.0));
    }

    #[test]
    fn reductions_handle_lengths_that_are_no_multiple_of_the_lanes() {
        for n in [0, 1, 15, 16, 17, 33, 100] {
            let a: Vec<f32> = (0..n).map(|i| (i as f32 * 0.37).sin()).collect();
            let b: Vec<f32> = (0..n).map(|i| (i as f32 * 0.11).cos()).collect();
            let exact: f64 = a.iter().zip(&b).map(|(&x, &y)| x as f64 * y as f64).sum();
            assert!((dot(&a, &b) as f64 - exact).abs() < 1e-5);
            assert_eq!(max(&a), a.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            let exact: f64 = a.iter().map(|&x| (x as f64 - 0.5).exp()).sum();
            assert!((sum_exp(&a, 0.5) as f64 - exact).abs() < 1e-4);
            let mut e = a.clone();
            assert!((exp_in_place(&mut e, 0.5) as f64 - exact).abs() < 1e-4);
        }
    }
}
