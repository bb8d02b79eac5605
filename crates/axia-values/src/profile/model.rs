//! The value profile.

use crate::instrument::{Dimension, Variant};
use crate::rating::{Distribution, Rating};
use crate::stats::Estimate;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

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

/// The answer to one item in one variant. As JSON: `{"scored": [p1, …, p6]}` or
/// `{"sampled": [5, null, 4]}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Probabilities of the six ratings, from the log-likelihoods of six continuations.
    Scored(Distribution),
    /// Sampled replies, one for each repetition; nothing where a reply holds no rating.
    Sampled(Vec<Option<Rating>>),
}

/// What a respondent answered to one item in one variant. Ratings are of the *statement*; a
/// reverse-keyed item is flipped when it is read out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// Id of the item.
    pub item: String,
    /// How it was asked.
    pub variant: Variant,
    /// The answer.
    pub answer: Answer,
}

/// How a rating is read from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Readout {
    /// Σ r·p(r): the primary readout, free of sampling noise.
    Expected,
    /// The most probable rating.
    Argmax,
    /// The mean of the sampled ratings.
    Sampled,
}

impl Readout {
    /// `expected`, `argmax` or `sampled`.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::Argmax => "argmax",
            Self::Sampled => "sampled",
        }
    }

    /// The ratings of an answer: one for a scored answer, one for each repetition of a sampled
    /// one. Nothing if this readout does not apply to this kind of answer.
    #[must_use]
    pub fn ratings(self, answer: &Answer) -> Option<Vec<Option<f64>>> {
        match (self, answer) {
            (Self::Expected, Answer::Scored(p)) => Some(vec![Some(p.expected())]),
            (Self::Argmax, Answer::Scored(p)) => Some(vec![Some(p.argmax().into())]),
            (Self::Sampled, Answer::Sampled(votes)) => {
                Some(votes.iter().map(|vote| vote.map(f64::from)).collect())
            }
            (Self::Expected | Self::Argmax, Answer::Sampled(_))
            | (Self::Sampled, Answer::Scored(_)) => None,
        }
    }
}

/// A word that is no readout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown readout `{0}`; use expected, argmax or sampled")]
pub struct UnknownReadout(pub String);

impl FromStr for Readout {
    type Err = UnknownReadout;

    fn from_str(name: &str) -> Result<Self, UnknownReadout> {
        let named = |readout: &Self| name.trim().eq_ignore_ascii_case(readout.slug());
        [Self::Expected, Self::Argmax, Self::Sampled]
            .into_iter()
            .find(named)
            .ok_or_else(|| UnknownReadout(name.to_owned()))
    }
}

impl fmt::Display for Readout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.slug())
    }
}
