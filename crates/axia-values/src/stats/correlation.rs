//! Correlation.

/// Pearson's correlation of `(x, y, weight)` triples; nothing where x or y does not vary.
#[must_use]
pub fn correlation(points: &[(f64, f64, f64)]) -> Option<f64> {
    let total: f64 = points.iter().map(|(_, _, weight)| weight).sum();
    let mean = |of: fn(&(f64, f64, f64)) -> f64| {
        points.iter().map(|point| of(point) * point.2).sum::<f64>() / total
    };
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y, weight) in points {
        let (x, y) = (x - mean_x, y - mean_y);
        xx += weight * x * x;
        yy += weight * y * y;
        xy += weight * x * y;
    }
    // What rounding leaves of equal numbers is no variation.
    let varies = |squares: f64, mean: f64| squares > 1e-18 * total * (1.0 + mean * mean);
    (varies(xx, mean_x) && varies(yy, mean_y)).then(|| xy / (xx * yy).sqrt())
}

/// Spearman's correlation of `(x, y)`: Pearson's of their ranks, equal numbers sharing the mean of
/// theirs; `None` where x or y does not vary.
#[must_use]
pub fn rank_correlation(points: &[(f64, f64)]) -> Option<f64> {
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let ranks = ranks(&x).into_iter().zip(ranks(&y));
    correlation(&ranks.map(|(x, y)| (x, y, 1.0)).collect::<Vec<_>>())
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count() as f64;
        let equal = values.iter().filter(|other| *other == value).count() as f64;
        below + (equal + 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

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
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rank_correlations_by_hand() {
        // Ranks 1, 2, 3 and 1.5, 1.5, 3: Σ d² = 0.5, r = 1.5 / √(2 · 1.5).
        let points = [(0.1, 2.0), (5.0, 2.0), (6.0, 90.0)];
        let expected = 1.5 / 3f64.sqrt();
        assert!(rank_correlation(&points).is_some_and(|r| (r - expected).abs() < 1e-12));
        assert_eq!(rank_correlation(&[(1.0, 9.0), (2.0, 4.0), (3.0, 1.0)]), Some(-1.0));
        assert_eq!(rank_correlation(&[(1.0, 9.0), (2.0, 9.0)]), None);
    }

    #[test]
    fn correlations_by_hand() {
        let weighted = |weight: f64| [(1.0, 1.0, 1.0), (2.0, 3.0, 1.0), (3.0, 2.0, weight)];
        // Deviations (-1, 0, 1) and (-1, 1, 0): 1 / 2.
        assert!(correlation(&weighted(1.0)).is_some_and(|r| (r - 0.5).abs() < 1e-12));
        // A point that counts twice is two points.
        let doubled = [(1.0, 1.0, 1.0), (2.0, 3.0, 1.0), (3.0, 2.0, 1.0), (3.0, 2.0, 1.0)];
        let (once, twice) = (correlation(&weighted(2.0)), correlation(&doubled));
        assert!(once.zip(twice).is_some_and(|(a, b)| (a - b).abs() < 1e-12));
        assert_eq!(correlation(&[(0.1, 1.0, 1.0), (0.1, 2.0, 1.0)]), None);
        assert_eq!(correlation(&[]), None);
    }

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
