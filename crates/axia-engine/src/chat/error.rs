//! What can be wrong with a chat template.

use std::path::PathBuf;

use thiserror::Error;

use crate::checkpoint_files::JsonError;
use crate::file_error::FileError;
use crate::gguf::GgufError;
use crate::tokenizer::TokenizerError;

/// A chat template that is missing or fails.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ChatError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// `tokenizer_config.json` or `chat_template.json` cannot be used.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The metadata of a GGUF file cannot be used.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The tokens that frame a text cannot be read.
    #[error(transparent)]
    SpecialTokens(#[from] TokenizerError),
    /// A model that has no template: it is not made for chats.
    #[error("`{}` has no chat template (looked for {looked_for}); use an instruction-tuned model", path.display())]
    NoTemplate {
        /// The file or folder.
        path: PathBuf,
        /// Where a template could have been.
        looked_for: &'static str,
    },
    /// A template that cannot be parsed, or fails on these messages.
    #[error("the chat template of `{}` fails at line {line}: {problem}", path.display())]
    Template {
        /// The file the template comes from.
        path: PathBuf,
        /// The line of the template, from 1.
        line: usize,
        /// What is wrong there; for templates that refuse a chat, their own words.
        problem: String,
    },
}
