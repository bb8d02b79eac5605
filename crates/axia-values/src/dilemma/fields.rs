//! The fields of a JSON object that someone else wrote.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::DilemmaError;
use crate::place::Place;
use crate::taxonomy::shorten;

/// A text and where it stands.
pub(super) struct Placed {
    pub place: Place,
    pub text: String,
}

/// A JSON object whose fields are taken out one by one, so that what is left is unknown.
pub(super) struct Fields {
    map: Map<String, Json>,
    pub place: Place,
}

/// The error for a JSON value of the wrong type.
fn wrong_type(found: &Json, expected: &'static str, place: Place) -> DilemmaError {
    DilemmaError::InvalidField { place, found: shorten(&found.to_string()), expected }
}

impl Fields {
    pub fn new(json: Json, place: Place) -> Result<Self, DilemmaError> {
        match json {
            Json::Object(map) => Ok(Self { map, place }),
            other => Err(wrong_type(&other, "an object", place)),
        }
    }

    fn at(&self, field: &str) -> Place {
        self.place.clone().in_field(field)
    }

    /// The text of a field; nothing if it is absent or null.
    pub fn optional(&mut self, field: &str) -> Result<Option<Placed>, DilemmaError> {
        match self.map.remove(field) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => Ok(Some(Placed { place: self.at(field), text })),
            Some(other) => Err(wrong_type(&other, "a string", self.at(field))),
        }
    }

    /// The text of a field that must be there, though it may be blank.
    pub fn text(&mut self, field: &str) -> Result<Placed, DilemmaError> {
        let missing = DilemmaError::MissingField { place: self.at(field) };
        self.optional(field)?.ok_or(missing)
    }

    /// The text of a field that must be there and say something, without white space around it.
    pub fn name(&mut self, field: &str) -> Result<String, DilemmaError> {
        let Placed { place, text } = self.text(field)?;
        match text.trim() {
            "" => Err(DilemmaError::MissingField { place }),
            name if name.chars().any(char::is_control) => Err(DilemmaError::InvalidField {
                place,
                found: shorten(name),
                expected: "a name without control characters",
            }),
            name => Ok(name.to_owned()),
        }
    }

    /// The text of a field, empty if it is absent or null.
    pub fn text_or_empty(&mut self, field: &str) -> Result<String, DilemmaError> {
        Ok(self.optional(field)?.map(|placed| placed.text).unwrap_or_default())
    }

    /// A whole number; nothing if it is absent or null.
    pub fn number(&mut self, field: &str) -> Result<Option<u64>, DilemmaError> {
        match self.map.remove(field) {
            None | Some(Json::Null) => Ok(None),
            Some(json) => match json.as_u64() {
                Some(number) => Ok(Some(number)),
                None => Err(wrong_type(&json, "a whole number", self.at(field))),
            },
        }
    }

    /// The fields of a field; nothing if it is absent or null.
    pub fn object(&mut self, field: &str) -> Result<Option<Self>, DilemmaError> {
        match self.map.remove(field) {
            None | Some(Json::Null) => Ok(None),
            Some(json) => Self::new(json, self.at(field)).map(Some),
        }
    }

    /// A field that must be there and be a `T`.
    pub fn read<T: DeserializeOwned>(&mut self, field: &str) -> Result<T, DilemmaError> {
        let place = self.at(field);
        match self.map.remove(field) {
            None | Some(Json::Null) => Err(DilemmaError::MissingField { place }),
            Some(json) => T::deserialize(json)
                .map_err(|error| DilemmaError::Syntax { place, message: error.to_string() }),
        }
    }

    /// Names of the fields that are left.
    pub fn rest(&self) -> impl Iterator<Item = &str> {
        self.map.keys().map(String::as_str)
    }

    /// Refuses fields that are left; `known` are all fields of the format.
    pub fn finish(self, known: &[&str]) -> Result<(), DilemmaError> {
        match self.rest().next() {
            None => Ok(()),
            Some(field) => Err(DilemmaError::UnknownField {
                place: self.at(&shorten(field)),
                suggestion: crate::taxonomy::nearest(field, known.iter().copied())
                    .map(str::to_owned),
            }),
        }
    }
}
