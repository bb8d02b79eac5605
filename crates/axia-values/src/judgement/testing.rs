//! Helpers of the tests.

use super::VerdictProbabilities;

pub(super) fn p(weights: [f64; 3]) -> VerdictProbabilities {
    VerdictProbabilities::new(weights).unwrap()
}

pub(super) fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}
