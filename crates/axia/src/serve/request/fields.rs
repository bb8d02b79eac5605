//! The fields of a request's body.

use crate::serve::error::ApiError;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// A JSON object whose fields are read when they are asked for. Fields that nobody asks for are
/// passed over, as other servers do.
pub(super) struct Fields<'a>(HashMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// Reads a body.
    pub fn read(body: &'a [u8]) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(body)
            .map_err(|error| ApiError::invalid(format!("the body is not UTF-8: {error}")))?;
        let fields = serde_json::from_str(text);
        fields.map(Self).map_err(|error| {
            ApiError::invalid(format!("the body is no JSON object of the expected kind: {error}"))
        })
    }

    /// A field; nothing where it is missing or null.
    pub fn get<T: Deserialize<'a>>(&self, name: &'static str) -> Result<Option<T>, ApiError> {
        let Some(raw) = self.0.get(name) else { return Ok(None) };
        serde_json::from_str(raw.get())
            .map_err(|error| ApiError::field(name, format!("`{name}` cannot be read: {error}")))
    }

    /// A field that must be there.
    pub fn need<T: Deserialize<'a>>(&self, name: &'static str) -> Result<T, ApiError> {
        self.get(name)?.ok_or_else(|| ApiError::field(name, format!("`{name}` is missing")))
    }

    /// A number within `range`.
    pub fn number<T: Deserialize<'a> + PartialOrd + Display>(
        &self,
        name: &'static str,
        range: RangeInclusive<T>,
    ) -> Result<Option<T>, ApiError> {
        match self.get(name)? {
            Some(number) if !range.contains(&number) => Err(ApiError::field(
                name,
                format!(
                    "`{name}` is {number}; it must be from {} to {}",
                    range.start(),
                    range.end()
                ),
            )),
            number => Ok(number),
        }
    }

    pub fn flag(&self, name: &'static str) -> Result<bool, ApiError> {
        Ok(self.get(name)?.unwrap_or(false))
    }

    /// Refuses a field that would change the answer but is not supported, unless it says what
    /// happens anyway.
    pub fn refuse(
        &self,
        name: &'static str,
        is_neutral: impl Fn(&serde_json::Value) -> bool,
    ) -> Result<(), ApiError> {
        match self.get(name)? {
            Some(value) if !is_neutral(&value) => {
                Err(ApiError::field(name, format!("`{name}` is not supported here; leave it out")))
            }
            _ => Ok(()),
        }
    }
}
