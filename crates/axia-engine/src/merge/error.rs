//! What can go wrong while merging.

use std::path::PathBuf;

use thiserror::Error;

use super::FloatType;
use crate::error::EngineError;

/// A merge that cannot be done.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MergeError {
    /// The base, the adapter or the place for the model cannot be read or written.
    #[error(transparent)]
    Engine(EngineError),
    /// The place for the model is taken.
    #[error("`{}` exists and is not an empty folder; choose another one or remove it", path.display())]
    Occupied {
        /// The place.
        path: PathBuf,
    },
    /// A merged weight that the storage type cannot hold.
    #[error(
        "tensor `{tensor}` holds {value} once merged, which {dtype} cannot; choose bfloat16 or \
         float32"
    )]
    Overflow {
        /// The tensor.
        tensor: String,
        /// The value.
        value: f32,
        /// The storage type.
        dtype: FloatType,
    },
    /// A tensor that is stored as blocks of bits.
    #[error(
        "tensor `{tensor}` is stored as {found}, which a merged model cannot keep; choose a type"
    )]
    Quantised {
        /// The tensor.
        tensor: String,
        /// The storage type.
        found: String,
    },
    /// An adapter that changes what only images go through.
    #[error(
        "the adapter changes `{module}`, which belongs to images: only the text part is merged"
    )]
    OfImages {
        /// The module.
        module: String,
    },
    /// The base's `config.json` is no JSON object.
    #[error("`{}` should hold one JSON object", path.display())]
    Config {
        /// The file.
        path: PathBuf,
    },
}

impl<E: Into<EngineError>> From<E> for MergeError {
    fn from(error: E) -> Self {
        Self::Engine(error.into())
    }
}
