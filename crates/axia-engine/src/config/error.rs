//! What can be wrong with a model's configuration.

use std::path::PathBuf;

use thiserror::Error;

use super::Architecture;
use crate::checkpoint_files::{CheckpointError, JsonError};
use crate::gguf::GgufError;

/// A configuration that cannot be used, with file and field.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// `config.json` or `generation_config.json` cannot be used.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The metadata of a GGUF file cannot be used.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// A tensor that belongs to the configuration (rotary frequencies) cannot be read.
    #[error(transparent)]
    Tensor(Box<CheckpointError>),
    /// A folder without `config.json`.
    #[error("`{}` has no config.json; give a Hugging Face model folder or a .gguf file", folder.display())]
    NoConfig {
        /// The folder.
        folder: PathBuf,
    },
    /// A kind of model that is not supported.
    #[error(
        "`{field}` in `{}` is `{found}`, which is not supported (supported: {})",
        path.display(),
        Architecture::supported_names()
    )]
    Architecture {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// The model's own name for its kind.
        found: String,
    },
    /// An option whose value is not supported.
    #[error("`{field}` = {found} in `{}` is not supported ({supported})", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
        /// Its value.
        found: String,
        /// What would be.
        supported: &'static str,
    },
    /// A number that makes no sense.
    #[error("`{field}` = {found} in `{}` makes no sense: {problem}", path.display())]
    Absurd {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// Why.
        problem: String,
    },
}
