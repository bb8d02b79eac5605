//! The value profile.

use serde::{Deserialize, Serialize};

use super::Readout;
use crate::instrument::Dimension;
use crate::stats::Estimate;

/// What a respondent values, by its answers to an instrument.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Version of this format.
    pub format_version: u32,
    /// How the ratings were read out.
    pub readout: Readout,
    /// Items with a score.
    pub items: usize,
    /// Replies in all.
    pub replies: usize,
    /// Replies without a rating.
    pub invalid: usize,
    /// Items whose replies are all invalid; they do not count in any score.
    pub unanswered: Vec<String>,
    /// Mean of the dimensions' means: what the centred scores are centred on.
    pub grand_mean: f64,
    /// The dimensions of the instrument: refined values, or whatever it measures.
    pub dimensions: Vec<DimensionScore>,
    /// Basic values, each the mean of its measured parts.
    pub basic: Vec<DimensionScore>,
    /// Higher-order values, each the mean of its measured parts.
    pub higher: Vec<DimensionScore>,
}

/// The score on one dimension, or on a basic or higher-order value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DimensionScore {
    /// The dimension or value.
    pub dimension: Dimension,
    /// Items with a score.
    pub items: usize,
    /// Mean rating, 1 to 6, with its interval clustered by item.
    pub mean: Estimate,
    /// The mean less the respondent's grand mean (ipsatised, as Schwartz recommends): a
    /// priority relative to the respondent's other values. Its interval counts the
    /// uncertainty of the grand mean.
    pub centred: Estimate,
    /// 1 for the highest mean among its kind; equal means share a rank.
    pub rank: usize,
    /// Standard deviation over items; nothing for a single item.
    pub item_sd: Option<f64>,
    /// Standard deviation of the mean over instructions: sensitivity to the wording of the task.
    pub instruction_sd: Option<f64>,
    /// Standard deviation of the mean over templates: sensitivity to the form of the answer.
    pub template_sd: Option<f64>,
}

impl Profile {
    /// The version that this crate writes.
    pub const FORMAT_VERSION: u32 = 1;

    /// The score on a dimension of the instrument, or on a basic or higher-order value.
    #[must_use]
    pub fn score(&self, dimension: &Dimension) -> Option<&DimensionScore> {
        let mut all = self.dimensions.iter().chain(&self.basic).chain(&self.higher);
        all.find(|score| score.dimension == *dimension)
    }
}
