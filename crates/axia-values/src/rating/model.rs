//! A rating.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A rating from 1 (not at all) to 6 (very much).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Rating(u8);

/// A number that is no rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no rating; ratings are the whole numbers from 1 to 6")]
pub struct NotARating(pub u8);

impl Rating {
    /// The lowest rating, 1.
    pub const MIN: Self = Self(1);
    /// The highest rating, 6.
    pub const MAX: Self = Self(6);

    /// All six, from low to high.
    pub const ALL: [Self; 6] = [Self(1), Self(2), Self(3), Self(4), Self(5), Self(6)];

    /// # Errors
    /// [`NotARating`] for numbers outside 1..=6.
    pub const fn new(rating: u8) -> Result<Self, NotARating> {
        match rating {
            1..=6 => Ok(Self(rating)),
            _ => Err(NotARating(rating)),
        }
    }

    /// The number, 1 to 6.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The place among six candidates, 0 to 5.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize - 1
    }

    /// The same opinion on the opposite statement: 7 − rating.
    #[must_use]
    pub const fn flipped(self) -> Self {
        Self(7 - self.0)
    }

    /// This rating of an item's dimension as a rating of its statement, and back: flipped for a
    /// reverse-keyed item.
    #[must_use]
    pub const fn keyed(self, reversed: bool) -> Self {
        if reversed { self.flipped() } else { self }
    }
}

impl TryFrom<u8> for Rating {
    type Error = NotARating;

    fn try_from(rating: u8) -> Result<Self, NotARating> {
        Self::new(rating)
    }
}

impl From<Rating> for u8 {
    fn from(rating: Rating) -> Self {
        rating.get()
    }
}

impl From<Rating> for f64 {
    fn from(rating: Rating) -> Self {
        Self::from(rating.get())
    }
}

impl fmt::Display for Rating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_to_six() {
        let valid: Vec<u8> = (0..=255).filter(|&number| Rating::new(number).is_ok()).collect();
        assert_eq!(valid, [1, 2, 3, 4, 5, 6]);
        assert!(serde_json::from_str::<Rating>("7").unwrap_err().to_string().contains("7 is no"));
        assert_eq!(Rating::ALL.map(|rating| rating.flipped().get()), [6, 5, 4, 3, 2, 1]);
        assert_eq!(Rating::MIN.keyed(true), Rating::MAX);
    }
}
