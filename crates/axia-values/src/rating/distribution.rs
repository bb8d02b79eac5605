//! Probabilities of the six ratings.

use serde::{Deserialize, Serialize};

use super::Rating;
use crate::simplex::{normalised, softmax};

/// Probabilities of the ratings 1 to 6, in this order. They sum to one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 6]", into = "[f64; 6]")]
pub struct Distribution([f64; 6]);

/// Six numbers that are no probabilities, even after scaling.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{0:?} are no probabilities; six finite numbers of at least 0 with a sum above 0 are")]
pub struct NotADistribution(pub [f64; 6]);

impl Distribution {
    /// Scales six weights to a sum of one.
    ///
    /// # Errors
    /// [`NotADistribution`] if a weight is negative or not finite, or all are zero.
    pub fn new(weights: [f64; 6]) -> Result<Self, NotADistribution> {
        normalised(weights).map(Self).ok_or(NotADistribution(weights))
    }

    /// The distribution of six candidate continuations by their log-likelihoods (natural
    /// logarithm, of any common offset); −∞ is an impossible candidate.
    ///
    /// # Errors
    /// [`NotADistribution`] if one is NaN or +∞, or all are −∞.
    pub fn from_log_likelihoods(scores: [f64; 6]) -> Result<Self, NotADistribution> {
        softmax(scores).map(Self).ok_or(NotADistribution(scores))
    }

    /// All probability on one rating.
    #[must_use]
    pub fn certain(rating: Rating) -> Self {
        let mut weights = [0.0; 6];
        weights[rating.index()] = 1.0;
        Self(weights)
    }

    /// The distribution tilted towards high ratings, or low ones if `slope` is negative: p(r)·e^{slope·r},
    /// scaled to one. Of a slope without bound, all is on the highest possible rating.
    #[must_use]
    pub fn tilted(&self, slope: f64) -> Self {
        let tilted = Rating::ALL.map(|r| self.probability(r).ln() + slope * f64::from(r));
        Self::from_log_likelihoods(tilted).unwrap_or(*self)
    }

    /// The probabilities of 1 to 6.
    #[must_use]
    pub const fn probabilities(&self) -> [f64; 6] {
        self.0
    }

    /// The probability of one rating.
    #[must_use]
    pub const fn probability(&self, rating: Rating) -> f64 {
        self.0[rating.index()]
    }

    /// The expected rating, Σ r·p(r).
    #[must_use]
    pub fn expected(&self) -> f64 {
        Rating::ALL.iter().map(|&rating| f64::from(rating) * self.probability(rating)).sum()
    }

    /// The most probable rating; of equally probable ones the lowest.
    #[must_use]
    pub fn argmax(&self) -> Rating {
        let higher = |best: Rating, rating: Rating| {
            if self.probability(rating) > self.probability(best) { rating } else { best }
        };
        Rating::ALL.into_iter().fold(Rating::MIN, higher)
    }

    /// The distribution at a sampling temperature: p^(1/T), scaled to one. At zero (or below)
    /// all probability is on the most probable rating.
    #[must_use]
    pub fn tempered(&self, temperature: f64) -> Self {
        let scores = self.0.map(|p| p.ln() / temperature);
        let certain = || Self::certain(self.argmax());
        if temperature > 0.0 {
            Self::from_log_likelihoods(scores).unwrap_or_else(|_| certain())
        } else {
            certain()
        }
    }

    /// The rating at a point of the cumulative distribution: a draw, if `uniform` is uniform in
    /// 0..1.
    #[must_use]
    pub fn draw(&self, uniform: f64) -> Rating {
        let mut cumulative = 0.0;
        let drawn = Rating::ALL.into_iter().find(|&rating| {
            cumulative += self.probability(rating);
            uniform < cumulative
        });
        // Rounding may leave the sum a little below one.
        drawn.unwrap_or_else(|| self.argmax())
    }
}

impl TryFrom<[f64; 6]> for Distribution {
    type Error = NotADistribution;

    fn try_from(weights: [f64; 6]) -> Result<Self, NotADistribution> {
        Self::new(weights)
    }
}

impl From<Distribution> for [f64; 6] {
    fn from(distribution: Distribution) -> Self {
        distribution.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn readouts_by_hand() {
        let p = Distribution::new([1.0, 0.0, 0.0, 0.0, 2.0, 1.0]).unwrap();
        assert_eq!(p.expected(), 0.25 + 2.5 + 1.5);
        assert_eq!(p.argmax().get(), 5);
        assert_eq!(Distribution::new([1.0; 6]).unwrap().argmax().get(), 1);
        // Squared at temperature one half: 1, 4, 1 of 6.
        let cold = p.tempered(0.5).probabilities();
        assert!((cold[4] - 4.0 / 6.0).abs() < 1e-12 && cold[1] == 0.0);
        assert_eq!(p.tempered(0.0).expected(), 5.0);
        assert_eq!([0.0, 0.24, 0.26, 0.74, 0.76, 1.0].map(|u| p.draw(u).get()), [1, 1, 5, 5, 6, 5]);
    }

    #[test]
    fn tilts_by_hand() {
        let p = Distribution::new([1.0, 0.0, 2.0, 0.0, 0.0, 1.0]).unwrap();
        // e^{slope·r} is 2, 4, 8 … 64: 2, 16 and 64 of 82.
        let up = p.tilted(2f64.ln()).probabilities();
        for (found, wanted) in up.iter().zip([2.0, 0.0, 16.0, 0.0, 0.0, 64.0]) {
            assert!((found - wanted / 82.0).abs() < 1e-12, "{up:?}");
        }
        assert_eq!(p.tilted(0.0).probabilities(), p.probabilities());
        assert!(p.tilted(-50.0).probability(Rating::MIN) > 1.0 - 1e-9);
        assert_eq!(Distribution::certain(Rating::MAX).expected(), 6.0);
    }

    #[test]
    fn log_likelihoods_are_shift_invariant() {
        let scores = [-700.0, -701.0, -702.0, f64::NEG_INFINITY, -703.0, -704.0];
        let p = Distribution::from_log_likelihoods(scores).unwrap();
        let q = Distribution::from_log_likelihoods(scores.map(|score| score + 700.0)).unwrap();
        assert_eq!(p, q);
        let ratio = p.probabilities()[0] / p.probabilities()[1];
        assert!((ratio - 1f64.exp()).abs() < 1e-12);
    }

    #[test]
    fn refuses_what_is_no_distribution() {
        for weights in [[0.0; 6], [-1.0, 2.0, 0.0, 0.0, 0.0, 0.0], [f64::NAN; 6]] {
            assert!(Distribution::new(weights).is_err());
        }
        assert!(Distribution::from_log_likelihoods([f64::NEG_INFINITY; 6]).is_err());
        assert!(serde_json::from_str::<Distribution>("[0,0,0,0,0,0]").is_err());
    }

    proptest! {
        #[test]
        fn distributions_stay_distributions(
            weights in prop::array::uniform6(1e-9..10.0f64),
            temperature in 0.0..3.0f64,
            uniform in 0.0..1.0f64,
        ) {
            let p = Distribution::new(weights).unwrap();
            for p in [p, p.tempered(temperature)] {
                prop_assert!((p.probabilities().iter().sum::<f64>() - 1.0).abs() < 1e-9);
                prop_assert!((1.0..=6.0 + 1e-9).contains(&p.expected()));
                prop_assert!(p.probability(p.draw(uniform)) > 0.0);
            }
            prop_assert!(p.tempered(0.5).probability(p.argmax()) >= p.probability(p.argmax()));
        }
    }
}
