//! What can be wrong with an adapter.

use std::path::PathBuf;

use thiserror::Error;

use crate::checkpoint_files::{CheckpointError, JsonError};
use crate::file_error::FileError;

/// An adapter that cannot be read, written, or used with a model.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// `adapter_config.json` cannot be used.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// `adapter_model.safetensors` cannot be used.
    #[error(transparent)]
    Tensors(#[from] CheckpointError),
    /// A folder that is not an adapter.
    #[error("`{}` is not a PEFT adapter: it has no {missing}{hint}", folder.display())]
    NotAnAdapter {
        /// The folder.
        folder: PathBuf,
        /// The file it lacks.
        missing: &'static str,
        /// What it has instead and what to do, or nothing.
        hint: &'static str,
    },
    /// An option that would change the result and is not implemented.
    #[error("`{field}` = {found} in `{}` is not supported ({supported})", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The option.
        field: String,
        /// Its value.
        found: String,
        /// What would be.
        supported: &'static str,
    },
    /// A number that makes no sense.
    #[error("`{field}` = {found} makes no sense: {problem}")]
    Absurd {
        /// The option.
        field: String,
        /// Its value.
        found: String,
        /// Why.
        problem: &'static str,
    },
    /// A pattern that cannot be compiled, or takes too long to match.
    #[error("`{field}` has the pattern `{pattern}`, which cannot be used: {problem}")]
    Pattern {
        /// The option.
        field: &'static str,
        /// The pattern.
        pattern: String,
        /// Why.
        problem: String,
    },
    /// A tensor that is not half of a LoRA pair, or whose other half is missing or does not fit.
    #[error("tensor `{tensor}` in `{}` {problem}", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Targets that no linear layer of the model answers to.
    #[error("target module `{target}` matches no linear layer of the model{hint}")]
    NoSuchTarget {
        /// The name or pattern.
        target: String,
        /// A suggestion, or nothing.
        hint: String,
    },
    /// An adapter made for another model.
    #[error("adapter `{adapter}` does not fit model `{model}`: {problem}")]
    Mismatch {
        /// The adapter.
        adapter: String,
        /// The model.
        model: String,
        /// What differs.
        problem: String,
    },
    /// A place for an adapter that holds something else.
    #[error("`{}` exists and is not an adapter; choose another folder or remove it", path.display())]
    Occupied {
        /// The place.
        path: PathBuf,
    },
    /// Tensors that the safetensors library refuses to write.
    #[error("cannot lay out the tensors for `{}`: {problem}", path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// The library's reason.
        problem: String,
    },
}
