//! A value of any level.

use super::spelling::{named_value, normalise};
use super::{BasicValue, HigherValue, RefinedValue};

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
