//! The instrument and its items.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::{Dimension, InstrumentError, Place, Row, Split, Template, Variant};

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
