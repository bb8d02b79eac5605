//! Answers and how they are read out.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::instrument::Variant;
use crate::rating::{Distribution, Rating};

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
