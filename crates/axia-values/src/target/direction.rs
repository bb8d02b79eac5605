//! Down or up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::rating::Rating;

/// Whether a value is to be lowered or raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Towards rating 1.
    Down,
    /// Towards rating 6.
    Up,
}

impl Direction {
    /// The rating to teach: 1 or 6.
    #[must_use]
    pub const fn rating(self) -> Rating {
        match self {
            Self::Down => Rating::MIN,
            Self::Up => Rating::MAX,
        }
    }

    /// The sign of the wanted change of ratings: −1 or 1.
    #[must_use]
    pub const fn sign(self) -> f64 {
        match self {
            Self::Down => -1.0,
            Self::Up => 1.0,
        }
    }

    /// `down` or `up`.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
        }
    }
}

/// A word that is no direction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown direction `{0}`; use down or up")]
pub struct UnknownDirection(pub String);

impl FromStr for Direction {
    type Err = UnknownDirection;

    fn from_str(name: &str) -> Result<Self, UnknownDirection> {
        let named = |direction: &Self| name.trim().eq_ignore_ascii_case(direction.slug());
        [Self::Down, Self::Up]
            .into_iter()
            .find(named)
            .ok_or_else(|| UnknownDirection(name.to_owned()))
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.slug())
    }
}
