//! A value of any level.

use super::RefinedValue;
use super::spelling::{named_value, normalise};

/// A refined, basic or higher-order value.
///
/// Four names (stimulation, hedonism, achievement, tradition) are shared by a refined and a basic
/// value. Alone they mean the refined value; the basic one is written with its level, as in
/// `basic-tradition` or `Basic: tradition`. Every slug so reads back as the value it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// One of twenty.
    Refined(RefinedValue),
    /// One of ten.
    Basic(BasicValue),
    /// One of four.
    Higher(HigherValue),
}

impl Value {
    /// All 34 values: refined, then basic, then higher-order, each in circular order.
    pub fn all() -> impl Iterator<Item = Self> {
        let refined = RefinedValue::ALL.into_iter().map(Self::Refined);
        let basic = BasicValue::ALL.into_iter().map(Self::Basic);
        refined.chain(basic).chain(HigherValue::ALL.into_iter().map(Self::Higher))
    }

    /// The refined values it consists of, in circular order; itself for a refined value.
    #[must_use]
    pub fn refined(self) -> Vec<RefinedValue> {
        match self {
            Self::Refined(value) => vec![value],
            Self::Basic(value) => value.refined(),
            Self::Higher(value) => value.refined().to_vec(),
        }
    }

    /// Whether every refined value of `other` is one of this value's.
    ///
    /// Basic power covers power-dominance; the refined tradition does not cover basic tradition,
    /// which also holds humility.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        let own = self.refined();
        other.refined().iter().all(|value| own.contains(value))
    }

    /// The canonical spelling, unambiguous between levels: `tradition` is the refined value,
    /// `basic-tradition` the basic one.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Refined(value) => value.slug(),
            Self::Basic(BasicValue::Stimulation) => "basic-stimulation",
            Self::Basic(BasicValue::Hedonism) => "basic-hedonism",
            Self::Basic(BasicValue::Achievement) => "basic-achievement",
            Self::Basic(BasicValue::Tradition) => "basic-tradition",
            Self::Basic(value) => value.slug(),
            Self::Higher(value) => value.slug(),
        }
    }

    /// The name for people, such as `Power: dominance`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Refined(value) => value.label(),
            Self::Basic(value) => value.label(),
            Self::Higher(value) => value.label(),
        }
    }

    /// The name of its level: `refined`, `basic` or `higher`.
    #[must_use]
    pub const fn level(self) -> &'static str {
        match self {
            Self::Refined(_) => "refined",
            Self::Basic(_) => "basic",
            Self::Higher(_) => "higher",
        }
    }

    fn find(normalised: &str) -> Option<Self> {
        let refined = |name: &str| RefinedValue::find(name).map(Self::Refined);
        let basic = |name: &str| BasicValue::find(name).map(Self::Basic);
        let higher = |name: &str| HigherValue::find(name).map(Self::Higher);
        let by_level = || {
            if let Some(rest) = normalised.strip_prefix("refined") {
                refined(rest)
            } else if let Some(rest) = normalised.strip_prefix("basic") {
                basic(rest)
            } else {
                higher(normalised.strip_prefix("higher")?)
            }
        };
        refined(normalised)
            .or_else(|| basic(normalised))
            .or_else(|| higher(normalised))
            .or_else(by_level)
    }
}

impl From<RefinedValue> for Value {
    fn from(value: RefinedValue) -> Self {
        Self::Refined(value)
    }
}

impl From<BasicValue> for Value {
    fn from(value: BasicValue) -> Self {
        Self::Basic(value)
    }
}

impl From<HigherValue> for Value {
    fn from(value: HigherValue) -> Self {
        Self::Higher(value)
    }
}

named_value!(Value, Self::all().map(Self::slug));

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
