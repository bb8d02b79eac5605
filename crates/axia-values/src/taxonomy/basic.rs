//! The ten basic values.

use super::RefinedValue;
use super::spelling::{named_value, normalise};

/// One of Schwartz's ten basic values, in circular order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each variant is a term of the theory, named in `label`")]
pub enum BasicValue {
    SelfDirection,
    Stimulation,
    Hedonism,
    Achievement,
    Power,
    Security,
    Conformity,
    Tradition,
    Benevolence,
    Universalism,
}

impl BasicValue {
    /// All basic values in circular order.
    pub const ALL: [Self; 10] = [
        Self::SelfDirection,
        Self::Stimulation,
        Self::Hedonism,
        Self::Achievement,
        Self::Power,
        Self::Security,
        Self::Conformity,
        Self::Tradition,
        Self::Benevolence,
        Self::Universalism,
    ];

    /// Slug, label and abbreviation.
    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::SelfDirection => ("self-direction", "Self-direction", "SD"),
            Self::Stimulation => ("stimulation", "Stimulation", "ST"),
            Self::Hedonism => ("hedonism", "Hedonism", "HE"),
            Self::Achievement => ("achievement", "Achievement", "AC"),
            Self::Power => ("power", "Power", "PO"),
            Self::Security => ("security", "Security", "SE"),
            Self::Conformity => ("conformity", "Conformity", "CO"),
            Self::Tradition => ("tradition", "Tradition", "TR"),
            Self::Benevolence => ("benevolence", "Benevolence", "BE"),
            Self::Universalism => ("universalism", "Universalism", "UN"),
        }
    }

    /// The canonical spelling among basic values, such as `self-direction`.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        self.names().0
    }

    /// The name for people, such as `Self-direction`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.names().1
    }

    /// The abbreviation used in the literature, such as `SD`.
    #[must_use]
    pub const fn abbreviation(self) -> &'static str {
        self.names().2
    }

    /// Its refined values in circular order: one to four.
    #[must_use]
    pub fn refined(self) -> Vec<RefinedValue> {
        RefinedValue::ALL.into_iter().filter(|value| value.basic() == self).collect()
    }

    /// The value of exactly this (normalised) name or abbreviation.
    pub(super) fn find(normalised: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| {
            normalise(value.slug()) == normalised
                || value.abbreviation().eq_ignore_ascii_case(normalised)
        })
    }
}

named_value!(BasicValue, Self::ALL.map(Self::slug));
