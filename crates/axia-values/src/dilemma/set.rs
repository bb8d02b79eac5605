//! A collection of dilemmas.

use super::{Dilemma, DilemmaError};
use crate::place::Place;
use crate::taxonomy::RefinedValue;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;

/// Dilemmas that respondents judge, under one name.
#[derive(Debug, Clone, PartialEq)]
pub struct DilemmaSet {
    /// Short name for files and tables.
    pub name: String,
    /// Licence of the texts, if it is known.
    pub licence: Option<String>,
    /// The dilemmas in the order of asking; at least one, with distinct ids.
    pub dilemmas: Vec<Dilemma>,
}

impl DilemmaSet {
    /// The dilemma of this id.
    #[must_use]
    pub fn dilemma(&self, id: &str) -> Option<&Dilemma> {
        self.dilemmas.iter().find(|dilemma| dilemma.id == id)
    }

    /// The values at the centre of some dilemma, in circular order.
    #[must_use]
    pub fn values(&self) -> BTreeSet<RefinedValue> {
        self.dilemmas.iter().map(|dilemma| dilemma.value).collect()
    }

    /// Checks what every reader guarantees: at least one dilemma, distinct ids, posts with text,
    /// and two different verdicts each. Worth calling on a set that was put together in code.
    ///
    /// # Errors
    /// [`DilemmaError::Empty`], [`DilemmaError::MissingField`], [`DilemmaError::DuplicateId`] or
    /// [`DilemmaError::InvalidField`].
    pub fn validate(&self) -> Result<(), DilemmaError> {
        let place = Place::file(&self.name);
        if self.dilemmas.is_empty() {
            return Err(DilemmaError::Empty { place, why: String::new() });
        }
        let mut seen = HashMap::new();
        for dilemma in &self.dilemmas {
            let here = place.clone().in_item(&dilemma.id);
            for (field, text) in [("id", &dilemma.id), ("post", &dilemma.post)] {
                if text.trim().is_empty() {
                    return Err(DilemmaError::MissingField { place: here.in_field(field) });
                }
            }
            if dilemma.high_stance == dilemma.low_stance {
                return Err(DilemmaError::InvalidField {
                    place: here.in_field("low_stance"),
                    found: dilemma.low_stance.to_string(),
                    expected: "another verdict than in `high_stance`",
                });
            }
            if let Some(first) = seen.insert(&dilemma.id, here.clone()) {
                return Err(DilemmaError::DuplicateId { place: here, first });
            }
        }
        Ok(())
    }
}

/// A verdict on the author of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stance {
    /// The author is not at fault.
    #[serde(rename = "NTA")]
    Nta,
    /// The author is at fault.
    #[serde(rename = "YTA")]
    Yta,
    /// Neither side alone is at fault, or it depends.
    Neutral,
}

/// A text that names no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown stance `{0}`; expected NTA, YTA or Neutral")]
pub struct UnknownStance(pub String);

impl Stance {
    /// All verdicts, in the order in which probabilities are kept.
    pub const ALL: [Self; 3] = [Self::Nta, Self::Yta, Self::Neutral];

    /// The canonical spelling.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Nta => "NTA",
            Self::Yta => "YTA",
            Self::Neutral => "Neutral",
        }
    }

    /// The place of this verdict in [`Stance::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The verdict that is neither `self` nor `other`; `None` if the two are equal.
    #[must_use]
    pub fn third(self, other: Self) -> Option<Self> {
        if self == other {
            return None;
        }
        Self::ALL.into_iter().find(|stance| *stance != self && *stance != other)
    }
}

impl fmt::Display for Stance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl FromStr for Stance {
    type Err = UnknownStance;

    /// Reads a verdict in any case, with spaces around it.
    fn from_str(text: &str) -> Result<Self, UnknownStance> {
        let word = text.trim();
        Self::ALL
            .into_iter()
            .find(|stance| stance.label().eq_ignore_ascii_case(word))
            .ok_or_else(|| UnknownStance(text.to_owned()))
    }
}
