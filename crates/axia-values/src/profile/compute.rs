//! Summing up item scores for every level of values.

use std::collections::BTreeSet;

use super::{DimensionScore, ItemScore, Profile, ProfileError, Scores};
use crate::instrument::{Dimension, Variant};
use crate::stats::{BootstrapOptions, Estimate, Resampler, mean, sample_sd};
use crate::taxonomy::{BasicValue, HigherValue, Value};

impl Profile {
    /// The profile of a respondent on the scored items.
    ///
    /// A dimension's mean is that of its items; a basic or higher-order value's mean is that of
    /// its dimensions, so that every refined value counts the same however many items it has.
    /// Intervals come from one bootstrap of items within dimensions.
    ///
    /// # Errors
    /// [`ProfileError::NoAnswers`] if no item has a score.
    pub fn new(scores: &Scores, options: BootstrapOptions) -> Result<Self, ProfileError> {
        let (invalid, replies) = scores.invalid();
        let layout = Layout::new(scores).ok_or(ProfileError::NoAnswers { invalid, replies })?;
        let kinds = [layout.dimensions(), layout.basic(), layout.higher()];
        let entries: Vec<&Entry> = kinds.iter().flatten().collect();
        let resampler = Resampler::new(&layout.dimension_of, 1, options);
        let estimates = resampler.estimate(|draw| {
            let means = layout.means(Some(draw.clusters), |score| score.mean);
            let grand = mean(means.iter().copied()).unwrap_or(f64::NAN);
            let raw = entries.iter().map(|entry| entry.mean(&means));
            let raw: Vec<f64> = raw.chain([grand]).collect();
            let centred: Vec<f64> = raw.iter().map(|value| value - grand).collect();
            raw.into_iter().chain(centred).collect()
        });
        // The raw means, the grand mean, the centred means, and zero.
        let (raw, centred) = estimates.split_at(entries.len() + 1);
        let grand_mean = raw.last().copied().flatten().map_or(f64::NAN, |grand| grand.value);
        let mut pairs = raw.iter().zip(centred);
        let [dimensions, basic, higher] = kinds.map(|kind| {
            let estimated = kind.into_iter().zip(pairs.by_ref());
            let scored = estimated.filter_map(|(entry, (raw, centred))| {
                Some(layout.score(&entry, (*raw)?, (*centred)?))
            });
            ranked(scored.collect())
        });
        Ok(Self {
            format_version: Self::FORMAT_VERSION,
            readout: scores.readout,
            items: layout.items.len(),
            replies,
            invalid,
            unanswered: scores.unanswered(),
            grand_mean,
            dimensions,
            basic,
            higher,
        })
    }
}

/// A row of the profile: a dimension or a value, and the dimensions that it is the mean of.
struct Entry {
    dimension: Dimension,
    members: Vec<usize>,
}

impl Entry {
    fn mean(&self, means: &[f64]) -> f64 {
        mean(self.members.iter().map(|&member| means[member])).unwrap_or(f64::NAN)
    }
}

/// The scored items by dimension.
struct Layout<'a> {
    items: Vec<&'a ItemScore>,
    dimension_of: Vec<usize>,
    dimensions: Vec<&'a Dimension>,
}

impl<'a> Layout<'a> {
    /// Nothing if no item has a score.
    fn new(scores: &'a Scores) -> Option<Self> {
        let items: Vec<_> = scores.items.iter().filter(|score| score.mean.is_some()).collect();
        let distinct: BTreeSet<_> = items.iter().map(|score| &score.dimension).collect();
        let dimensions: Vec<_> = distinct.into_iter().collect();
        let number = |score: &&ItemScore| dimensions.binary_search(&&score.dimension).ok();
        let dimension_of: Vec<usize> = items.iter().filter_map(number).collect();
        (!items.is_empty()).then_some(Self { items, dimension_of, dimensions })
    }

    fn dimensions(&self) -> Vec<Entry> {
        let entries = self.dimensions.iter().enumerate();
        entries
            .map(|(index, &dimension)| Entry { dimension: dimension.clone(), members: vec![index] })
            .collect()
    }

    fn basic(&self) -> Vec<Entry> {
        self.parts_of(BasicValue::ALL.map(Value::Basic))
    }

    fn higher(&self) -> Vec<Entry> {
        self.parts_of(HigherValue::ALL.map(Value::Higher))
    }

    /// The values of which the instrument measures some part.
    fn parts_of(&self, values: impl IntoIterator<Item = Value>) -> Vec<Entry> {
        let covered = |value: Value, &index: &usize| {
            self.dimensions[index].value().is_some_and(|part| value.covers(part))
        };
        values
            .into_iter()
            .map(|value| Entry {
                dimension: value.into(),
                members: (0..self.dimensions.len()).filter(|index| covered(value, index)).collect(),
            })
            .filter(|entry| !entry.members.is_empty())
            .collect()
    }

    /// Each dimension's mean of its items, weighted by `times` drawn; NaN for a dimension
    /// without a value.
    fn means(&self, times: Option<&[u32]>, of: impl Fn(&ItemScore) -> Option<f64>) -> Vec<f64> {
        let mut sums = vec![(0.0, 0.0); self.dimensions.len()];
        for (index, (score, &dimension)) in self.items.iter().zip(&self.dimension_of).enumerate() {
            if let Some(value) = of(score) {
                let weight = times.map_or(1.0, |times| f64::from(times[index]));
                sums[dimension].0 += weight * value;
                sums[dimension].1 += weight;
            }
        }
        sums.into_iter().map(|(sum, weight)| sum / weight).collect()
    }

    fn score(&self, entry: &Entry, mean: Estimate, centred: Estimate) -> DimensionScore {
        let items = self.items.iter().zip(&self.dimension_of);
        let means: Vec<f64> = items
            .filter(|(_, dimension)| entry.members.contains(dimension))
            .filter_map(|(score, _)| score.mean)
            .collect();
        DimensionScore {
            dimension: entry.dimension.clone(),
            items: means.len(),
            mean,
            centred,
            rank: 0,
            item_sd: sample_sd(&means),
            instruction_sd: self.sensitivity(entry, |variant| variant.instruction),
            template_sd: self.sensitivity(entry, |variant| variant.template),
        }
    }

    /// Standard deviation of the entry's mean over the levels of one part of the variant.
    fn sensitivity(&self, entry: &Entry, part: impl Fn(&Variant) -> usize) -> Option<f64> {
        let variants = self.items.iter().flat_map(|score| score.by_variant.keys());
        let levels: BTreeSet<usize> = variants.map(&part).collect();
        let means: Vec<f64> = levels
            .into_iter()
            .map(|level| {
                let means = self.means(None, |score| {
                    let variants = score.by_variant.iter();
                    mean(variants.filter(|(v, _)| part(v) == level).map(|(_, &value)| value))
                });
                entry.mean(&means)
            })
            .filter(|mean| !mean.is_nan())
            .collect();
        sample_sd(&means)
    }
}

/// Ranks scores by their means, the highest first.
fn ranked(mut scores: Vec<DimensionScore>) -> Vec<DimensionScore> {
    let means: Vec<f64> = scores.iter().map(|score| score.mean.value).collect();
    for score in &mut scores {
        score.rank = 1 + means.iter().filter(|&&mean| mean > score.mean.value).count();
    }
    scores
}
