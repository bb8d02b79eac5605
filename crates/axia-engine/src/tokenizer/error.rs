//! What can be wrong with a tokenizer.

use std::path::PathBuf;

use thiserror::Error;

use crate::checkpoint_files::JsonError;
use crate::file_error::FileError;
use crate::gguf::GgufError;

/// A tokenizer that cannot be built or used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// `tokenizer_config.json` or `special_tokens_map.json` cannot be used.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The metadata of a GGUF file cannot be used.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// A folder without `tokenizer.json`.
    #[error("`{}` has no tokenizer.json{hint}", folder.display())]
    NoTokenizer {
        /// The folder that was searched.
        folder: PathBuf,
        /// What it has instead and what to do, or nothing.
        hint: &'static str,
    },
    /// A `tokenizer.json` that the tokenizers library refuses.
    #[error("`{}` is not a sound tokenizer: {problem}", path.display())]
    Unsound {
        /// The file.
        path: PathBuf,
        /// The library's reason.
        problem: String,
    },
    /// A kind of tokenizer in a GGUF file that cannot be rebuilt.
    #[error("`{key}` in `{}` is `{found}`, which is not supported (supported: {supported})", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The metadata key.
        key: &'static str,
        /// Its value.
        found: String,
        /// What would be.
        supported: String,
    },
    /// Lists in a GGUF file that do not fit together.
    #[error("`{key}` in `{}` {problem}", path.display())]
    Vocabulary {
        /// The file.
        path: PathBuf,
        /// The metadata key.
        key: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Text that cannot be turned into ids.
    #[error("cannot tokenise the text: {0}")]
    Encode(String),
    /// Ids that cannot be turned into text.
    #[error("cannot turn token ids into text: {0}")]
    Decode(String),
}
