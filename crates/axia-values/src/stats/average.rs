//! Averages and spread.

/// Arithmetic mean; nothing for no values.
pub fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    weighted_mean(values.into_iter().map(|value| (value, 1.0)))
}

/// Mean of `(value, weight)` pairs; nothing if the weights sum to zero.
pub fn weighted_mean(values: impl IntoIterator<Item = (f64, f64)>) -> Option<f64> {
    let (sum, weight) = values
        .into_iter()
        .fold((0.0, 0.0), |(sum, total), (value, weight)| (sum + value * weight, total + weight));
    (weight != 0.0).then(|| sum / weight)
}

/// Standard deviation with n − 1 in the denominator; nothing for fewer than two values.
#[must_use]
pub fn sample_sd(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let centre = mean(values.iter().copied())?;
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_by_hand() {
        assert_eq!(mean([1.0, 2.0, 6.0]), Some(3.0));
        assert_eq!(mean([]), None);
        assert_eq!(weighted_mean([(1.0, 3.0), (5.0, 1.0)]), Some(2.0));
        assert_eq!(weighted_mean([(1.0, 0.0)]), None);
        assert_eq!(sample_sd(&[2.0, 4.0, 4.0, 6.0]), Some((8.0f64 / 3.0).sqrt()));
        assert_eq!(sample_sd(&[2.0]), None);
    }
}
