//! Verdicts on the person who tells of a conflict.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

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
