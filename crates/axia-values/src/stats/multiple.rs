//! Correction for testing many hypotheses.

/// Benjamini–Hochberg adjusted p-values (1995, step-up), in the order of the input.
///
/// Rejecting the hypotheses whose adjusted value is at most q keeps the expected share of false
/// discoveries at or below q. P-values that are not numbers stay so and do not count as tests.
#[must_use]
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> =
        (0..p_values.len()).filter(|&index| !p_values[index].is_nan()).collect();
    order.sort_by(|&a, &b| p_values[b].total_cmp(&p_values[a]));
    let tests = order.len();
    let mut adjusted = p_values.to_vec();
    let mut smallest = 1.0f64;
    for (place, index) in order.into_iter().enumerate() {
        let rank = tests - place;
        // The ratio first: it is exactly 1 at the last rank, so that nothing is rounded down.
        smallest = smallest.min(p_values[index] * (tests as f64 / rank as f64));
        adjusted[index] = smallest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn adjusts_by_hand() {
        // Sorted: .01, .02, .03, .04 with 4 tests: .04, .04, .04, .04.
        let adjusted = benjamini_hochberg(&[0.04, 0.01, 0.03, 0.02]);
        for value in adjusted {
            assert!((value - 0.04).abs() < 1e-12);
        }
        // .005·3/1 = .015; .2·3/2 = .3; .9·3/3 = .9.
        let adjusted = benjamini_hochberg(&[0.9, 0.005, f64::NAN, 0.2]);
        assert!((adjusted[0] - 0.9).abs() < 1e-12);
        assert!((adjusted[1] - 0.015).abs() < 1e-12);
        assert!(adjusted[2].is_nan());
        assert!((adjusted[3] - 0.3).abs() < 1e-12);
        assert!(benjamini_hochberg(&[]).is_empty());
    }

    #[test]
    fn agrees_with_scipy() {
        // scipy.stats.false_discovery_control([0.001, 0.2, 0.03, 0.04, 0.6]), SciPy 1.17.1
        let expected = [0.005, 0.25, 0.2 / 3.0, 0.2 / 3.0, 0.6];
        let found = benjamini_hochberg(&[0.001, 0.2, 0.03, 0.04, 0.6]);
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    proptest! {
        #[test]
        fn adjusting_keeps_order_and_never_lowers(
            p_values in prop::collection::vec(0.0..=1.0f64, 1..30),
        ) {
            let adjusted = benjamini_hochberg(&p_values);
            for (i, &p) in p_values.iter().enumerate() {
                prop_assert!(adjusted[i] >= p && adjusted[i] <= 1.0);
                for (j, &q) in p_values.iter().enumerate() {
                    prop_assert!(p > q || adjusted[i] <= adjusted[j]);
                }
            }
        }
    }
}
