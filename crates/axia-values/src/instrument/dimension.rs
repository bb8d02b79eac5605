//! What an item measures.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::taxonomy::{RefinedValue, Value};

/// What an item measures: a human value, or a trait of another theory under its own name.
///
/// Dimensions sort values first, in circular order, then other traits by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// A value of the taxonomy.
    Value(Value),
    /// A trait of another questionnaire, such as `Social Boldness`.
    Named(String),
}

/// Marks the key of a trait that could be taken for a value.
const NAMED_PREFIX: &str = "named:";

impl Dimension {
    /// The unique text form: the slug of a value, the name of a trait. A trait whose name could
    /// be taken for a value's slug is prefixed with `named:`.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Value(value) => value.slug().to_owned(),
            Self::Named(name) if slug_of(name).is_some() || name.starts_with(NAMED_PREFIX) => {
                format!("{NAMED_PREFIX}{name}")
            }
            Self::Named(name) => name.clone(),
        }
    }

    /// The dimension of a [`Dimension::key`]: exact slugs are values, all else are traits.
    #[must_use]
    pub fn from_key(key: &str) -> Self {
        match key.strip_prefix(NAMED_PREFIX) {
            Some(name) => Self::Named(name.to_owned()),
            None => match slug_of(key) {
                Some(value) => Self::Value(value),
                None => Self::Named(key.to_owned()),
            },
        }
    }

    /// The name for people.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::Value(value) => value.label(),
            Self::Named(name) => name,
        }
    }

    /// The value, unless it is a trait of another theory.
    #[must_use]
    pub const fn value(&self) -> Option<Value> {
        match self {
            Self::Value(value) => Some(*value),
            Self::Named(_) => None,
        }
    }

    /// The refined values it consists of; none for a trait of another theory.
    #[must_use]
    pub fn refined(&self) -> Vec<RefinedValue> {
        self.value().map(Value::refined).unwrap_or_default()
    }
}

fn slug_of(name: &str) -> Option<Value> {
    Value::all().find(|value| value.slug() == name)
}

impl<V: Into<Value>> From<V> for Dimension {
    fn from(value: V) -> Self {
        Self::Value(value.into())
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.key())
    }
}

impl Serialize for Dimension {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.key())
    }
}

impl<'de> Deserialize<'de> for Dimension {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_key(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back() {
        let named = ["Social Boldness", "Tradition", "tradition", "named:x", ""];
        let named = named.map(|name| Dimension::Named(name.to_owned()));
        for dimension in Value::all().map(Dimension::Value).chain(named) {
            assert_eq!(Dimension::from_key(&dimension.key()), dimension);
        }
        assert_eq!(Dimension::Named("Tradition".into()).key(), "Tradition");
        assert_eq!(Dimension::Named("tradition".into()).key(), "named:tradition");
    }
}
