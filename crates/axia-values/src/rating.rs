//! Ratings from 1 to 6, distributions over them, and votes.

use crate::simplex::{normalised, softmax};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A rating from 1 (not at all) to 6 (very much).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Rating(u8);

/// A number that is no rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no rating; ratings are the whole numbers from 1 to 6")]
pub struct NotARating(pub u8);

impl Rating {
    /// The lowest rating, 1.
    pub const MIN: Self = Self(1);
    /// The highest rating, 6.
    pub const MAX: Self = Self(6);

    /// All six, from low to high.
    pub const ALL: [Self; 6] = [Self(1), Self(2), Self(3), Self(4), Self(5), Self(6)];

    /// # Errors
    /// [`NotARating`] for numbers outside 1..=6.
    pub const fn new(rating: u8) -> Result<Self, NotARating> {
        match rating {
            1..=6 => Ok(Self(rating)),
            _ => Err(NotARating(rating)),
        }
    }

    /// The number, 1 to 6.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The place among six candidates, 0 to 5.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize - 1
    }

    /// The same opinion on the opposite statement: 7 − rating.
    #[must_use]
    pub const fn flipped(self) -> Self {
        Self(7 - self.0)
    }

    /// This rating of an item's dimension as a rating of its statement, and back: flipped for a
    /// reverse-keyed item.
    #[must_use]
    pub const fn keyed(self, reversed: bool) -> Self {
        if reversed { self.flipped() } else { self }
    }
}

impl TryFrom<u8> for Rating {
    type Error = NotARating;

    fn try_from(rating: u8) -> Result<Self, NotARating> {
        Self::new(rating)
    }
}

impl From<Rating> for u8 {
    fn from(rating: Rating) -> Self {
        rating.get()
    }
}

impl From<Rating> for f64 {
    fn from(rating: Rating) -> Self {
        Self::from(rating.get())
    }
}

impl fmt::Display for Rating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Sampled answers to one item, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Votes {
    /// Votes for the ratings 1 to 6.
    pub counts: [u32; 6],
    /// Replies without a lone digit from 1 to 6.
    pub invalid: u32,
}

impl Votes {
    /// Counts one reply; nothing stands for an invalid one.
    pub fn add(&mut self, vote: Option<Rating>) {
        match vote {
            Some(rating) => self.counts[rating.index()] += 1,
            None => self.invalid += 1,
        }
    }

    /// The majority rating, see [`baseline_rating`].
    #[must_use]
    pub fn baseline(&self) -> Option<Rating> {
        baseline_rating(&self.counts)
    }
}

impl FromIterator<Option<Rating>> for Votes {
    fn from_iter<I: IntoIterator<Item = Option<Rating>>>(votes: I) -> Self {
        let mut counted = Self::default();
        votes.into_iter().for_each(|vote| counted.add(vote));
        counted
    }
}

/// The rating with most votes. A tie goes to the tied rating nearest the mean of all votes, a
/// further tie to the lower. Nothing without valid votes.
#[must_use]
pub fn baseline_rating(counts: &[u32; 6]) -> Option<Rating> {
    let most = counts.iter().copied().max().filter(|&most| most > 0)?;
    let votes: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    let count = |rating: Rating| u64::from(counts[rating.index()]);
    let sum: u64 = Rating::ALL.iter().map(|&rating| u64::from(rating.get()) * count(rating)).sum();
    Rating::ALL
        .into_iter()
        .filter(|rating| counts[rating.index()] == most)
        // |rating − mean| × votes, which needs no rounding; the first of equals is the lower.
        .min_by_key(|rating| (u64::from(rating.get()) * votes).abs_diff(sum))
}

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
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_one_to_six() {
        let valid: Vec<u8> = (0..=255).filter(|&number| Rating::new(number).is_ok()).collect();
        assert_eq!(valid, [1, 2, 3, 4, 5, 6]);
        assert!(serde_json::from_str::<Rating>("7").unwrap_err().to_string().contains("7 is no"));
        assert_eq!(Rating::ALL.map(|rating| rating.flipped().get()), [6, 5, 4, 3, 2, 1]);
        assert_eq!(Rating::MIN.keyed(true), Rating::MAX);
    }

    #[test]
    fn majorities_and_ties_by_hand() {
        for (counts, rating) in [
            ([0, 0, 0, 0, 0, 0], None),
            ([1, 0, 0, 9, 0, 3], Some(4)),
            // Mean of 1 and 6 is 3.5, both as far: the lower.
            ([5, 0, 0, 0, 0, 5], Some(1)),
            // Tie of 2 and 5; the votes for 6 pull the mean to 4.2: 5 is nearer.
            ([0, 4, 0, 0, 4, 3], Some(5)),
            // Tie of 2 and 5; the votes for 1 pull the mean to 2.9: 2 is nearer.
            ([2, 4, 0, 0, 4, 0], Some(2)),
            ([1, 1, 1, 1, 1, 1], Some(3)),
            ([0, 0, 2, 0, 2, 0], Some(3)),
        ] {
            assert_eq!(baseline_rating(&counts).map(Rating::get), rating, "{counts:?}");
        }
        let vote = |rating| Rating::new(rating).ok();
        let votes: Votes = [vote(3), None, vote(3), vote(5), vote(9)].into_iter().collect();
        assert_eq!(votes, Votes { counts: [0, 0, 2, 0, 1, 0], invalid: 2 });
        assert_eq!(votes.baseline(), vote(3));
    }

    proptest! {
        #[test]
        fn the_baseline_has_most_votes_and_is_nearest_the_mean(
            counts in prop::array::uniform6(0..4u32),
        ) {
            let Some(rating) = baseline_rating(&counts) else {
                prop_assert_eq!(counts, [0; 6]);
                return Ok(());
            };
            let votes: u32 = counts.iter().sum();
            let sum: u32 = (1..=6).map(|r| r * counts[r as usize - 1]).sum();
            let mean = f64::from(sum) / f64::from(votes);
            for other in Rating::ALL {
                prop_assert!(counts[other.index()] <= counts[rating.index()]);
                if counts[other.index()] == counts[rating.index()] {
                    let far = |r: Rating| (f64::from(r) - mean).abs();
                    prop_assert!(far(rating) <= far(other) + 1e-12);
                }
            }
        }
    }

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
