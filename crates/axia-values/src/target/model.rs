//! A target: the ratings that a respondent should come to give.

use crate::instrument::{Dimension, Item};
use crate::rating::Rating;
use crate::taxonomy::{Value, circle_distance};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The rating wanted for each target dimension: for refined values (a basic or higher-order
/// target stands for all of its refined values) and for traits of other questionnaires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Name for files and tables, such as `power-down`.
    pub name: String,
    goals: BTreeMap<Dimension, Rating>,
}

impl Target {
    /// One value (of any level) or trait to be moved all the way in one direction.
    pub fn new(dimension: impl Into<Dimension>, direction: Direction) -> Self {
        let dimension = dimension.into();
        let name = format!("{dimension}-{direction}");
        Self::profile(name, [(dimension, direction.rating())])
    }

    /// Several ratings at once. Where dimensions overlap, the last one counts.
    pub fn profile(
        name: impl Into<String>,
        goals: impl IntoIterator<Item = (Dimension, Rating)>,
    ) -> Self {
        let mut all = BTreeMap::new();
        for (dimension, rating) in goals {
            match dimension {
                Dimension::Named(_) => drop(all.insert(dimension, rating)),
                Dimension::Value(value) => {
                    all.extend(value.refined().into_iter().map(|value| (value.into(), rating)));
                }
            }
        }
        Self { name: name.into(), goals: all }
    }

    /// The refined values and traits with their goals.
    pub fn goals(&self) -> impl Iterator<Item = (&Dimension, Rating)> {
        self.goals.iter().map(|(dimension, &rating)| (dimension, rating))
    }

    /// The rating wanted on a dimension of an instrument; nothing if it is no target. A basic or
    /// higher-order dimension is a target if all of its refined values are, with one rating.
    #[must_use]
    pub fn goal(&self, dimension: &Dimension) -> Option<Rating> {
        let Dimension::Value(value) = dimension else {
            return self.goals.get(dimension).copied();
        };
        let mut goals = value.refined().into_iter().map(|value| self.goals.get(&value.into()));
        let first = goals.next()??;
        goals.all(|goal| goal == Some(first)).then_some(*first)
    }

    /// The rating wanted of an item's statement, flipped where the item is reverse-keyed; `None` if it
    /// is not an item of the target.
    #[must_use]
    pub fn goal_of(&self, item: &Item) -> Option<Rating> {
        self.goal(&item.dimension).map(|goal| goal.keyed(item.reversed))
    }

    /// The direction of a target that moves everything all the way down, or all the way up.
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        [Direction::Down, Direction::Up].into_iter().find(|direction| {
            !self.goals.is_empty() && self.goals.values().all(|&goal| goal == direction.rating())
        })
    }

    /// Steps on the circle from a dimension to the nearest target value; nothing where one of
    /// them is a trait outside the circle.
    #[must_use]
    pub fn distance(&self, dimension: &Dimension) -> Option<usize> {
        let targets: Vec<_> =
            self.goals.keys().filter_map(Dimension::value).flat_map(Value::refined).collect();
        let steps = dimension
            .refined()
            .into_iter()
            .flat_map(|value| targets.iter().map(move |&target| circle_distance(value, target)));
        steps.min()
    }
}

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
