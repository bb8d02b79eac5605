//! The key-value metadata of a GGUF file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::GgufError;

/// One metadata value, with the type the file gives it.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each variant is the Rust type it is named after")]
pub enum MetadataValue {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    String(String),
    Array(MetadataArray),
    U64(u64),
    I64(i64),
    F64(f64),
}

/// A metadata array; all its values have one type.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each variant is the Rust type it is named after")]
pub enum MetadataArray {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    F32(Vec<f32>),
    Bool(Vec<bool>),
    String(Vec<String>),
    Array(Vec<MetadataArray>),
    U64(Vec<u64>),
    I64(Vec<i64>),
    F64(Vec<f64>),
}

impl MetadataValue {
    fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::U8(value) => Some(value.into()),
            Self::U16(value) => Some(value.into()),
            Self::U32(value) => Some(value.into()),
            Self::U64(value) => Some(value),
            Self::I8(value) => value.try_into().ok(),
            Self::I16(value) => value.try_into().ok(),
            Self::I32(value) => value.try_into().ok(),
            Self::I64(value) => value.try_into().ok(),
            _ => None,
        }
    }

    /// A value or its kind, short enough for a message.
    fn describe(&self) -> String {
        match self {
            Self::Array(_) => "an array".to_owned(),
            Self::String(text) => {
                let start: String = text.chars().take(40).collect();
                format!("the text {start:?}")
            }
            other => format!("{other:?}"),
        }
    }
}

/// All metadata of a file. Getters return `None` for an absent key and an error for a wrong type.
#[derive(Clone, Debug)]
pub struct Metadata {
    path: PathBuf,
    entries: BTreeMap<String, MetadataValue>,
}

impl Metadata {
    pub(super) fn new(path: &Path, entries: BTreeMap<String, MetadataValue>) -> Self {
        Self { path: path.to_owned(), entries }
    }

    /// The file the metadata come from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All keys and values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &MetadataValue)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&MetadataValue> {
        self.entries.get(key)
    }

    /// A whole number that is not negative, of any integer type.
    ///
    /// # Errors
    /// [`GgufError::MetadataType`] if the value is something else.
    pub fn u64(&self, key: &str) -> Result<Option<u64>, GgufError> {
        self.typed(key, "a whole number", MetadataValue::as_u64)
    }

    /// A number of either float type.
    ///
    /// # Errors
    /// [`GgufError::MetadataType`] if the value is something else.
    pub fn f64(&self, key: &str) -> Result<Option<f64>, GgufError> {
        self.typed(key, "a float", |value| match *value {
            MetadataValue::F32(value) => Some(value.into()),
            MetadataValue::F64(value) => Some(value),
            _ => None,
        })
    }

    /// A truth value.
    ///
    /// # Errors
    /// [`GgufError::MetadataType`] if the value is something else.
    pub fn bool(&self, key: &str) -> Result<Option<bool>, GgufError> {
        self.typed(key, "true or false", |value| match *value {
            MetadataValue::Bool(value) => Some(value),
            _ => None,
        })
    }

    /// A text.
    ///
    /// # Errors
    /// [`GgufError::MetadataType`] if the value is something else.
    pub fn str(&self, key: &str) -> Result<Option<&str>, GgufError> {
        self.typed(key, "a text", |value| match value {
            MetadataValue::String(value) => Some(value.as_str()),
            _ => None,
        })
    }

    /// An array of texts.
    ///
    /// # Errors
    /// [`GgufError::MetadataType`] if the value is something else.
    pub fn strings(&self, key: &str) -> Result<Option<&[String]>, GgufError> {
        self.typed(key, "an array of texts", |value| match value {
            MetadataValue::Array(MetadataArray::String(values)) => Some(values.as_slice()),
            _ => None,
        })
    }

    /// An array of 32-bit integers.
    ///
    /// # Errors
    /// [`GgufError::MetadataType`] if the value is something else.
    pub fn i32s(&self, key: &str) -> Result<Option<&[i32]>, GgufError> {
        self.typed(key, "an array of 32-bit integers", |value| match value {
            MetadataValue::Array(MetadataArray::I32(values)) => Some(values.as_slice()),
            _ => None,
        })
    }

    /// An array of single-precision floats.
    ///
    /// # Errors
    /// [`GgufError::MetadataType`] if the value is something else.
    pub fn f32s(&self, key: &str) -> Result<Option<&[f32]>, GgufError> {
        self.typed(key, "an array of 32-bit floats", |value| match value {
            MetadataValue::Array(MetadataArray::F32(values)) => Some(values.as_slice()),
            _ => None,
        })
    }

    /// For `ok_or_else`: the error that says that `key` is missing.
    pub fn missing(&self, key: &str) -> GgufError {
        GgufError::MissingMetadata { path: self.path.clone(), key: key.to_owned() }
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        expected: &'static str,
        convert: impl FnOnce(&'a MetadataValue) -> Option<T>,
    ) -> Result<Option<T>, GgufError> {
        let Some(value) = self.entries.get(key) else {
            return Ok(None);
        };
        match convert(value) {
            Some(converted) => Ok(Some(converted)),
            None => Err(GgufError::MetadataType {
                path: self.path.clone(),
                key: key.to_owned(),
                expected,
                found: value.describe(),
            }),
        }
    }
}
