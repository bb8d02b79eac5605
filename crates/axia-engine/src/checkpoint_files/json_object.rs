//! A JSON file whose top level is an object, read field by field with errors that name the field.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use thiserror::Error;

use crate::file_error::FileError;

/// A JSON file that cannot be used, with file and field.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not JSON.
    #[error("`{}` is not valid JSON: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// The top level is not an object.
    #[error("`{}` should hold one JSON object", path.display())]
    NotAnObject {
        /// The file.
        path: PathBuf,
    },
    /// A field that is needed is absent.
    #[error("`{}` has no `{field}`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The field, with the objects around it: `rope_scaling.factor`.
        field: String,
    },
    /// A field has a value of the wrong kind.
    #[error("`{field}` in `{}` should be {expected}, found {found}", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The field, with the objects around it.
        field: String,
        /// The kind of value that is needed.
        expected: &'static str,
        /// What the file has.
        found: String,
    },
}

/// A JSON object and where it came from. A field that is `null` counts as absent.
#[derive(Clone, Debug)]
pub(crate) struct JsonObject {
    path: PathBuf,
    /// The fields that lead to this object, each followed by a dot.
    prefix: String,
    fields: Map<String, Value>,
}

impl JsonObject {
    /// Reads a file that holds one object.
    pub fn read(path: &Path) -> Result<Self, JsonError> {
        let bytes = fs::read(path).map_err(FileError::on("read", path))?;
        Self::parse(&bytes, path)
    }

    /// Parses the contents of a file; `path` is only used in messages.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, JsonError> {
        let value = serde_json::from_slice(bytes)
            .map_err(|source| JsonError::Syntax { path: path.to_owned(), source })?;
        match value {
            Value::Object(fields) => {
                Ok(Self { path: path.to_owned(), prefix: String::new(), fields })
            }
            _ => Err(JsonError::NotAnObject { path: path.to_owned() }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names and values of all fields that are not `null`, in file order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.as_str(), value))
    }

    /// The value of a field.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    /// Whether a field is there and `null`, where that means something else than its absence.
    pub fn is_null(&self, field: &str) -> bool {
        self.fields.get(field).is_some_and(Value::is_null)
    }

    /// A whole number that is not negative.
    pub fn usize(&self, field: &str) -> Result<Option<usize>, JsonError> {
        self.typed(field, "a whole number", |value| {
            value.as_u64().and_then(|value| value.try_into().ok())
        })
    }

    /// A number.
    pub fn f64(&self, field: &str) -> Result<Option<f64>, JsonError> {
        self.typed(field, "a number", Value::as_f64)
    }

    /// A truth value.
    pub fn bool(&self, field: &str) -> Result<Option<bool>, JsonError> {
        self.typed(field, "true or false", Value::as_bool)
    }

    /// A text.
    pub fn str(&self, field: &str) -> Result<Option<&str>, JsonError> {
        self.typed(field, "a text", Value::as_str)
    }

    /// A list of texts.
    pub fn strings(&self, field: &str) -> Result<Option<Vec<&str>>, JsonError> {
        self.typed(field, "a list of texts", |value| {
            value.as_array()?.iter().map(Value::as_str).collect()
        })
    }

    /// An object inside this one.
    pub fn object(&self, field: &str) -> Result<Option<Self>, JsonError> {
        let fields = self.typed(field, "an object", Value::as_object)?;
        Ok(fields.map(|fields| Self {
            path: self.path.clone(),
            prefix: format!("{}{field}.", self.prefix),
            fields: fields.clone(),
        }))
    }

    /// For `ok_or_else`: the error that says that `field` is missing.
    pub fn missing(&self, field: &str) -> JsonError {
        JsonError::Missing { path: self.path.clone(), field: self.full_name(field) }
    }

    /// The field's name with the objects around it.
    pub fn full_name(&self, field: &str) -> String {
        format!("{}{field}", self.prefix)
    }

    /// The field's value converted, `None` if it is absent, or an error if `convert` refuses it.
    pub fn typed<'a, T>(
        &'a self,
        field: &str,
        expected: &'static str,
        convert: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, JsonError> {
        let Some(value) = self.get(field) else {
            return Ok(None);
        };
        match convert(value) {
            Some(converted) => Ok(Some(converted)),
            None => Err(JsonError::Type {
                path: self.path.clone(),
                field: self.full_name(field),
                expected,
                found: short(value),
            }),
        }
    }
}

/// A value as JSON, cut to a length fit for a message.
pub(crate) fn short(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
