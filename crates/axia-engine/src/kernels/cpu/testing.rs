//! Helpers of the kernel tests.

use rand::{RngExt, SeedableRng};

/// `n` numbers in (−1, 1) from a seed.
pub(crate) fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| rng.random_range(-1.0f32..1.0)).collect()
}

/// Compares `gradient` with central finite differences of `loss` at `x`, entry by entry.
pub(crate) fn check_gradient(x: &[f32], gradient: &[f32], loss: impl Fn(&[f32]) -> f64) {
    let step = 1e-2f32;
    let largest = gradient.iter().fold(0f32, |m, g| m.max(g.abs())) as f64;
    for i in 0..x.len() {
        let mut moved = x.to_vec();
        moved[i] = x[i] + step;
        let above = loss(&moved);
        moved[i] = x[i] - step;
        let below = loss(&moved);
        let numeric = (above - below) / (2.0 * step as f64);
        let gap = (numeric - gradient[i] as f64).abs();
        assert!(gap < 4e-3 * largest.max(0.1), "entry {i}: {numeric} against {}", gradient[i]);
    }
}
