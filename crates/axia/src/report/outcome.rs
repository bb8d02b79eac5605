//! The plain-language answer to a question, from an interval.

use axia_values::stats::Estimate;
use std::borrow::Cow;

/// What the interval of an effect shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It lies above zero.
    Moved,
    /// It includes zero.
    Unclear,
    /// It lies below zero.
    Opposite,
    /// It has no width: there was nothing to resample, or all of it was alike.
    NoInterval,
}

impl Outcome {
    pub fn of(drop: &Estimate) -> Self {
        if drop.has_no_width() {
            Self::NoInterval
        } else if drop.low > 0.0 {
            Self::Moved
        } else if drop.high < 0.0 {
            Self::Opposite
        } else {
            Self::Unclear
        }
    }

    /// A class name for the page.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Unclear => "unclear",
            Self::Opposite => "opposite",
            Self::NoInterval => "no-interval",
        }
    }
}

/// The answer for one steered respondent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// What the interval shows.
    pub outcome: Outcome,
    /// `Yes.`, `No clear effect.`, …
    pub answer: Cow<'static, str>,
    /// The numbers in a sentence or two.
    pub sentence: String,
}

/// `Power, down` is about power.
pub(crate) fn subject(title: &str) -> &str {
    [", down", ", up"].iter().find_map(|suffix| title.strip_suffix(suffix)).unwrap_or(title)
}
