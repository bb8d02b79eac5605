//! Probabilities of a few alternatives, which sum to one.

/// Scales weights to a sum of one; nothing if one is negative or not finite, or all are zero.
///
/// Weights whose sum is one up to rounding stay as they are, so that probabilities survive being
/// written and read to the last bit.
pub(crate) fn normalised<const N: usize>(weights: [f64; N]) -> Option<[f64; N]> {
    let sum: f64 = weights.iter().sum();
    let valid = weights.iter().all(|&weight| weight >= 0.0) && sum > 0.0 && sum.is_finite();
    if (sum - 1.0).abs() <= N as f64 * f64::EPSILON {
        return valid.then_some(weights);
    }
    valid.then(|| weights.map(|weight| weight / sum))
}

/// The probabilities of alternatives by their log-likelihoods (natural logarithm, of any common
/// offset): exp(sᵢ) / Σ exp(sⱼ). −∞ is an impossible alternative; nothing if one is NaN or +∞, or
/// all are −∞.
pub(crate) fn softmax<const N: usize>(scores: [f64; N]) -> Option<[f64; N]> {
    let best = scores.into_iter().fold(f64::NEG_INFINITY, f64::max);
    normalised(scores.map(|score| (score - best).exp()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn softmax_agrees_with_scipy() {
        // scipy.special.softmax([-3.2, -1.7, -4.05]), SciPy 1.17.1
        let expected = [0.16923039425486588, 0.7584380083010342, 0.07233159744409973];
        let found = softmax([-3.2, -1.7, -4.05]).unwrap();
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
    }

    #[test]
    fn what_is_no_distribution_is_refused() {
        for weights in [[0.0, 0.0], [-1.0, 2.0], [f64::NAN, 1.0], [f64::INFINITY, 1.0]] {
            assert_eq!(normalised(weights), None);
        }
        for scores in [[f64::NEG_INFINITY; 2], [f64::NAN, 0.0], [f64::INFINITY, 0.0]] {
            assert_eq!(softmax(scores), None);
        }
        assert_eq!(softmax([-1e5, f64::NEG_INFINITY]), Some([1.0, 0.0]));
    }

    proptest! {
        #[test]
        fn scaling_twice_changes_nothing(weights in prop::array::uniform6(0.0..10.0f64)) {
            prop_assume!(weights.iter().any(|&weight| weight > 0.0));
            let once = normalised(weights).unwrap();
            prop_assert!((once.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            prop_assert_eq!(normalised(once), Some(once));
        }
    }
}
