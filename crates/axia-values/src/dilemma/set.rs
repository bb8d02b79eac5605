//! A collection of dilemmas.

use std::collections::{BTreeSet, HashMap};

use super::{Dilemma, DilemmaError};
use crate::place::Place;
use crate::taxonomy::RefinedValue;

/// Dilemmas that respondents judge, under one name.
#[derive(Debug, Clone, PartialEq)]
pub struct DilemmaSet {
    /// Short name for files and tables.
    pub name: String,
    /// Licence of the texts, if it is known.
    pub licence: Option<String>,
    /// The dilemmas in the order of asking; at least one, with distinct ids.
    pub dilemmas: Vec<Dilemma>,
}

impl DilemmaSet {
    /// The dilemma of this id.
    #[must_use]
    pub fn dilemma(&self, id: &str) -> Option<&Dilemma> {
        self.dilemmas.iter().find(|dilemma| dilemma.id == id)
    }

    /// The values at the centre of some dilemma, in circular order.
    #[must_use]
    pub fn values(&self) -> BTreeSet<RefinedValue> {
        self.dilemmas.iter().map(|dilemma| dilemma.value).collect()
    }

    /// Checks what every reader guarantees: at least one dilemma, distinct ids, posts with text,
    /// and two different verdicts each. Worth calling on a set that was put together in code.
    ///
    /// # Errors
    /// [`DilemmaError::Empty`], [`DilemmaError::MissingField`], [`DilemmaError::DuplicateId`] or
    /// [`DilemmaError::InvalidField`].
    pub fn validate(&self) -> Result<(), DilemmaError> {
        let place = Place::file(&self.name);
        if self.dilemmas.is_empty() {
            return Err(DilemmaError::Empty { place, why: String::new() });
        }
        let mut seen = HashMap::new();
        for dilemma in &self.dilemmas {
            let here = place.clone().in_item(&dilemma.id);
            for (field, text) in [("id", &dilemma.id), ("post", &dilemma.post)] {
                if text.trim().is_empty() {
                    return Err(DilemmaError::MissingField { place: here.in_field(field) });
                }
            }
            if dilemma.high_stance == dilemma.low_stance {
                return Err(DilemmaError::InvalidField {
                    place: here.in_field("low_stance"),
                    found: dilemma.low_stance.to_string(),
                    expected: "another verdict than in `high_stance`",
                });
            }
            if let Some(first) = seen.insert(&dilemma.id, here.clone()) {
                return Err(DilemmaError::DuplicateId { place: here, first });
            }
        }
        Ok(())
    }
}
