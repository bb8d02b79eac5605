//! The instrument: its items, what they measure, the rows they are asked in, and its hash.

use super::{InstrumentError, Place, Template};
use crate::canonical::Canonical;
use crate::taxonomy::{RefinedValue, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;

/// A questionnaire: what is asked and in which words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrument {
    /// Short name for files and tables, such as `axia-survey`.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// Licence of the texts, if it is known.
    pub licence: Option<String>,
    /// Task instructions; at least one.
    pub instructions: Vec<String>,
    /// Response templates; at least one.
    pub templates: Vec<Template>,
    /// Items in the order of asking; at least one, with distinct ids.
    pub items: Vec<Item>,
}

/// A statement that a respondent rates from 1 to 6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Unique within the instrument.
    pub id: String,
    /// What it measures.
    pub dimension: Dimension,
    /// The facet of the value, in canonical spelling if it is one of the 54.
    pub facet: Option<String>,
    /// Whether it may be trained on.
    pub split: Split,
    /// The area of life it is set in.
    pub domain: Option<String>,
    /// The statement to rate.
    pub statement: String,
    /// What a respondent low on the dimension would rather say.
    pub contrast: Option<String>,
    /// Whether agreeing expresses the *opposite* of the dimension.
    pub reversed: bool,
}

impl Instrument {
    /// The items of one split, in order.
    pub fn split(&self, split: Split) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.split == split)
    }

    /// The item of this id.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }

    /// What the instrument measures: values in circular order, then other traits by name.
    #[must_use]
    pub fn dimensions(&self) -> Vec<Dimension> {
        let distinct: BTreeSet<&Dimension> =
            self.items.iter().map(|item| &item.dimension).collect();
        distinct.into_iter().cloned().collect()
    }

    /// Every way of asking, all templates of the first instruction first.
    #[must_use]
    pub fn variants(&self) -> Vec<Variant> {
        (0..self.instructions.len())
            .flat_map(|instruction| {
                (0..self.templates.len()).map(move |template| Variant { instruction, template })
            })
            .collect()
    }

    /// The text of an item asked in a variant.
    ///
    /// # Panics
    /// If the variant is not one of [`Instrument::variants`].
    #[must_use]
    pub fn row(&self, item: &Item, variant: Variant) -> Row {
        let template = &self.templates[variant.template];
        Row {
            instruction_and_statement: format!(
                "{}\n\nStatement:\n{}",
                self.instructions[variant.instruction], item.statement
            ),
            before: template.before().to_owned(),
            after: template.after().to_owned(),
        }
    }

    /// Checks what every reader guarantees: something to ask, in some words, under distinct
    /// ids. Worth calling on an instrument that was put together in code.
    ///
    /// # Errors
    /// [`InstrumentError::Empty`], [`InstrumentError::MissingField`] or
    /// [`InstrumentError::DuplicateId`].
    pub fn validate(&self) -> Result<(), InstrumentError> {
        let place = Place::file(&self.name);
        let counts = [
            ("items", self.items.len()),
            ("instructions", self.instructions.len()),
            ("templates", self.templates.len()),
        ];
        if let Some((what, _)) = counts.into_iter().find(|&(_, count)| count == 0) {
            return Err(InstrumentError::Empty { place, what });
        }
        let mut seen = HashMap::new();
        for item in &self.items {
            let here = place.clone().in_item(&item.id);
            for (field, text) in [("id", &item.id), ("statement", &item.statement)] {
                if text.trim().is_empty() {
                    return Err(InstrumentError::MissingField { place: here.in_field(field) });
                }
            }
            if let Some(first) = seen.insert(&item.id, here.clone()) {
                return Err(InstrumentError::DuplicateId { place: here, first });
            }
        }
        Ok(())
    }
}

impl Instrument {
    /// SHA-256 (hex) of everything that a respondent's answers can depend on: instructions,
    /// templates and items in their order. Name, title and licence do not count.
    #[must_use]
    pub fn content_hash(&self) -> String {
        let mut hash = Canonical::new("axia-instrument-1");
        hash.count(self.instructions.len());
        self.instructions.iter().for_each(|instruction| hash.text(instruction));
        hash.count(self.templates.len());
        self.templates.iter().for_each(|template| hash.text(&template.to_string()));
        hash.count(self.items.len());
        for item in &self.items {
            hash.text(&item.id);
            hash.text(&item.dimension.key());
            hash.optional(item.facet.as_deref());
            hash.text(item.split.slug());
            hash.optional(item.domain.as_deref());
            hash.text(&item.statement);
            hash.optional(item.contrast.as_deref());
            hash.count(usize::from(item.reversed));
        }
        hash.hex()
    }
}

/// One way of asking: a task instruction and a response template, by their places in the
/// instrument, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Variant {
    /// Index into [`super::Instrument::instructions`].
    pub instruction: usize,
    /// Index into [`super::Instrument::templates`].
    pub template: usize,
}

/// The text of one item asked in one variant, in the parts that chat rendering needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The question: instruction, blank line, `Statement:` and the statement.
    pub instruction_and_statement: String,
    /// The answer up to the rating.
    pub before: String,
    /// The answer after the rating (the template's tail), often empty.
    pub after: String,
}

impl Row {
    /// Everything before the rating, as plain text: the question, a blank line, and the answer
    /// up to the rating.
    #[must_use]
    pub fn prompt(&self) -> String {
        format!("{}\n\n{}", self.instruction_and_statement, self.before)
    }

    /// What follows the prompt when the answer is `rating`: the rating and the tail.
    #[must_use]
    pub fn completion(&self, rating: u8) -> String {
        format!("{rating}{}", self.after)
    }
}

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
