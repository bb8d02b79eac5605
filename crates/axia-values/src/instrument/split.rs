//! The three parts of an instrument.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which part of an instrument an item belongs to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Items that a model may be trained on.
    Train,
    /// Items for early stopping and for choosing settings.
    Validation,
    /// Items for measuring only. The default, so that nothing unlabelled is trained on.
    #[default]
    Test,
}

impl Split {
    /// All splits in the order of their use.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// `train`, `validation` or `test`.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// A name that is no split.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown split `{0}`; use train, validation or test")]
pub struct UnknownSplit(String);

impl FromStr for Split {
    type Err = UnknownSplit;

    /// Reads the canonical names and the common `training`, `eval`, `val`, `dev` and `valid`.
    fn from_str(name: &str) -> Result<Self, UnknownSplit> {
        match name.trim().to_lowercase().as_str() {
            "train" | "training" => Ok(Self::Train),
            "validation" | "valid" | "val" | "eval" | "dev" => Ok(Self::Validation),
            "test" => Ok(Self::Test),
            _ => Err(UnknownSplit(name.to_owned())),
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.slug())
    }
}
