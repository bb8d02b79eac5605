//! The four higher-order values.

use super::RefinedValue;
use super::spelling::{named_value, normalise};

/// One of the four higher-order values, in circular order.
///
/// Border values belong to both of their neighbours: hedonism to openness to change and
/// self-enhancement, face to self-enhancement and conservation, humility to conservation and
/// self-transcendence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each variant is a term of the theory, named in `label`")]
pub enum HigherValue {
    OpennessToChange,
    SelfEnhancement,
    Conservation,
    SelfTranscendence,
}

impl HigherValue {
    /// All higher-order values in circular order.
    pub const ALL: [Self; 4] = [
        Self::OpennessToChange,
        Self::SelfEnhancement,
        Self::Conservation,
        Self::SelfTranscendence,
    ];

    /// Slug, label and further (normalised) spellings.
    const fn names(self) -> (&'static str, &'static str, &'static [&'static str]) {
        match self {
            Self::OpennessToChange => {
                ("openness-to-change", "Openness to change", &["openness", "opennesschange", "oc"])
            }
            Self::SelfEnhancement => ("self-enhancement", "Self-enhancement", &["enhancement"]),
            Self::Conservation => ("conservation", "Conservation", &["cons"]),
            Self::SelfTranscendence => {
                ("self-transcendence", "Self-transcendence", &["transcendence"])
            }
        }
    }

    /// The canonical spelling, such as `openness-to-change`.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        self.names().0
    }

    /// The name for people, such as `Openness to change`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.names().1
    }

    /// Its refined values in circular order, border values included.
    #[must_use]
    pub fn refined(self) -> &'static [RefinedValue] {
        let (from, to) = match self {
            Self::OpennessToChange => (RefinedValue::SelfDirectionThought, RefinedValue::Hedonism),
            Self::SelfEnhancement => (RefinedValue::Hedonism, RefinedValue::Face),
            Self::Conservation => (RefinedValue::Face, RefinedValue::Humility),
            Self::SelfTranscendence => {
                (RefinedValue::Humility, RefinedValue::UniversalismObjectivity)
            }
        };
        &RefinedValue::ALL[from.position()..=to.position()]
    }

    /// The value of exactly this (normalised) name or alias.
    pub(super) fn find(normalised: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| {
            let (slug, _, aliases) = value.names();
            normalise(slug) == normalised || aliases.contains(&normalised)
        })
    }
}

named_value!(HigherValue, Self::ALL.map(Self::slug));
