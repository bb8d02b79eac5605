//! Reading files, with their path in every error.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::LoadError;

/// The text of a file.
pub(crate) fn read(path: &Path) -> Result<String, LoadError> {
    std::fs::read_to_string(path).map_err(|source| LoadError::Read { path: path.into(), source })
}

/// The contents of a JSON file.
pub(crate) fn json<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, LoadError> {
    serde_json::from_str(text)
        .map_err(|error| LoadError::Format { path: path.into(), message: error.to_string() })
}

/// The contents of a TOML file.
pub(crate) fn toml<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, LoadError> {
    toml::from_str(text)
        .map_err(|error| LoadError::Format { path: path.into(), message: error.to_string() })
}
