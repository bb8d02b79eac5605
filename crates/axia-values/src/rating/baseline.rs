//! Votes of a respondent on one item, and its baseline rating.

use serde::{Deserialize, Serialize};

use super::Rating;

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
}
