//! What can be wrong with the weights of a model.

use std::path::PathBuf;

use thiserror::Error;

use super::JsonError;
use crate::file_error::FileError;
use crate::gguf::{DType, GgufError};

/// Weights that cannot be read, with file and tensor.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// A file cannot be opened or mapped.
    #[error(transparent)]
    File(#[from] FileError),
    /// A JSON file of the folder cannot be used.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A GGUF file cannot be read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The path is neither a folder nor a `.gguf` file.
    #[error(
        "`{}` is not a model: give a Hugging Face folder (config.json, model.safetensors, \
         tokenizer.json) or a .gguf file",
        path.display()
    )]
    NotAModel {
        /// The path.
        path: PathBuf,
    },
    /// A folder without weights that can be read.
    #[error(
        "`{}` has neither model.safetensors nor model.safetensors.index.json{hint}",
        folder.display()
    )]
    NoWeights {
        /// The folder.
        folder: PathBuf,
        /// What it has instead and what to do, or nothing.
        hint: &'static str,
    },
    /// A safetensors file whose bytes make no sense.
    #[error("`{}` is not a sound safetensors file: {problem}", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A shard that the index names but the folder lacks.
    #[error(
        "shard `{shard}`, which holds `{tensor}` according to `{}`, cannot be read: {source}",
        index.display()
    )]
    MissingShard {
        /// The index.
        index: PathBuf,
        /// The shard's file name.
        shard: String,
        /// The first tensor that should be in it.
        tensor: String,
        /// The system's reason.
        source: FileError,
    },
    /// An index that names a file outside its folder.
    #[error("`{}` names the shard `{shard}`, which is not a plain file name", index.display())]
    ShardName {
        /// The index.
        index: PathBuf,
        /// The name.
        shard: String,
    },
    /// A tensor that is needed is absent.
    #[error("`{}` has no tensor `{tensor}`{hint}", path.display())]
    MissingTensor {
        /// The file or folder.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// A suggestion, or nothing.
        hint: String,
    },
    /// A tensor of another shape than the model's configuration requires.
    #[error(
        "tensor `{tensor}` in `{}` has shape {found:?}, but the model's configuration requires \
         {expected:?} (rows first)",
        path.display()
    )]
    WrongShape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape that is needed.
        expected: Vec<usize>,
    },
    /// A tensor of a storage type that cannot be read.
    #[error(transparent)]
    UnreadableTensor(#[from] UnreadableTensor),
    /// Rows or an output that do not belong to the tensor.
    #[error(
        "rows {first}..{end} of tensor `{tensor}` ({rows} rows of {columns}) do not fit an output \
         of {values} values"
    )]
    Rows {
        /// The tensor.
        tensor: String,
        /// The first row asked for.
        first: usize,
        /// One past the last row asked for.
        end: usize,
        /// The rows of the tensor.
        rows: usize,
        /// The values of a row.
        columns: usize,
        /// The length of the output.
        values: usize,
    },
    /// A weight that is NaN or infinite.
    #[error(
        "tensor `{tensor}` in `{}` has the value {value} at index {index}: the file is damaged",
        path.display()
    )]
    NonFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Where in the tensor, counting values row by row from 0.
        index: usize,
        /// The value.
        value: f32,
    },
}

/// A tensor of a storage type that cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "tensor `{tensor}` in `{}` is stored as {found}, which cannot be read (readable: {})",
    path.display(),
    DType::readable_names()
)]
pub struct UnreadableTensor {
    /// The file.
    pub path: PathBuf,
    /// The tensor.
    pub tensor: String,
    /// The storage type.
    pub found: String,
}
