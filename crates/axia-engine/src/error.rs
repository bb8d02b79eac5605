//! The engine's error type and what the messages of its parts share.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::adapter::AdapterError;
use crate::chat::ChatError;
use crate::checkpoint_files::CheckpointError;
use crate::config::ConfigError;
use crate::gguf::GgufError;
use crate::kernels::cuda::CudaError;
use crate::merge::MergeError;
use crate::tokenizer::TokenizerError;

/// Anything that can go wrong in the engine. Messages read well after "failed to …: ".
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A GGUF file cannot be read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The weights of a model cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The shape of a model is unknown, unsupported or absurd.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A tokenizer cannot be built, or text cannot be turned into ids or back.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A chat template is missing or fails.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// An adapter cannot be read, written, or used with this model.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// A card cannot be used, or failed.
    #[error(transparent)]
    Cuda(#[from] CudaError),
    /// A card's memory is too small for a pass.
    #[error(
        "the card's memory is full: for {tokens} tokens at once {wanted} bytes more were wanted, {free} of {total} are free; about {fit} tokens would fit: set --max-tokens-per-step {fit}{instead}"
    )]
    PassMemory {
        /// Distinct tokens of the pass.
        tokens: usize,
        /// Tokens that would fit, about.
        fit: usize,
        /// Bytes wanted.
        wanted: u64,
        /// Bytes free.
        free: u64,
        /// Bytes in all.
        total: u64,
        /// What may be set instead.
        instead: &'static str,
    },
    /// An adapter cannot be merged into its base.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// A file of the engine's own cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A row lacks tokens where some are needed.
    #[error("row {row}: {part} is empty, but at least one token is needed")]
    EmptySequence {
        /// Row, counted from 1.
        row: usize,
        /// "the prompt", "candidate 2", …
        part: String,
    },
    /// A token id is not in the vocabulary.
    #[error("row {row}: {part} has token id {token}, but the vocabulary ends at {}", vocab - 1)]
    TokenRange {
        /// Row, counted from 1.
        row: usize,
        /// "the prompt", "candidate 2", …
        part: String,
        /// The id found.
        token: u32,
        /// Size of the vocabulary.
        vocab: usize,
    },
    /// The weights of a row's candidates are no distribution.
    #[error("row {row}: {problem}")]
    Weights {
        /// Row, counted from 1.
        row: usize,
        /// What is wrong with them.
        problem: String,
    },
    /// The model computed NaN or infinity although its weights are finite.
    #[error(
        "{what} is not a finite number, though all weights are; the model or adapter may be damaged, or the learning rate too high"
    )]
    NonFinite {
        /// What came out wrong.
        what: String,
    },
    /// The caller asked to stop.
    #[error("stopped before the end")]
    Cancelled,
    /// A training checkpoint does not belong to this run or is damaged.
    #[error("the checkpoint `{}` {problem}; remove it to start afresh", path.display())]
    TrainingState {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Training settings that make no sense.
    #[error("{field} is {found}; {wanted}")]
    Setting {
        /// Name of the setting.
        field: &'static str,
        /// What it was set to.
        found: String,
        /// What it may be.
        wanted: &'static str,
    },
}

impl EngineError {
    /// Whether something the user gave is at fault, as against the machine or a wish to stop.
    pub fn is_input(&self) -> bool {
        match self {
            Self::File(_) | Self::PassMemory { .. } | Self::Cancelled => false,
            Self::Cuda(error) => error.is_usage(),
            _ => true,
        }
    }
}

/// A file or folder that could not be used, what was tried, and the system's reason.
#[derive(Debug, Error)]
#[error("cannot {action} `{}`: {source}", path.display())]
pub struct FileError {
    /// What was tried: "open", "read", "write", …
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

impl FileError {
    /// For `map_err`: turns an [`io::Error`] into a [`FileError`] that says what was tried on which path.
    pub fn on(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

/// The candidate nearest to `name` in edit distance, unless it is too far off to be a likely slip.
pub(crate) fn nearest_name<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = name.chars().count() / 3;
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "; did you mean `x`?" or nothing, for the end of a message.
pub(crate) fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// Levenshtein distance in characters.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, from) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(&right) {
            let above = *cell;
            let here = (diagonal + usize::from(from != *to)).min(above.min(before) + 1);
            *cell = here;
            diagonal = above;
            before = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshtein() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("abc", ""), 3);
        assert_eq!(edit_distance("same", "same"), 0);
    }

    #[test]
    fn only_a_likely_slip_is_suggested() {
        let names = ["q_proj", "k_proj", "down_proj"];
        assert_eq!(nearest_name("dwn_proj", names), Some("down_proj"));
        assert_eq!(nearest_name("lm_head", names), None);
        assert_eq!(suggestion(Some("a")), "; did you mean `a`?");
        assert_eq!(suggestion(None), "");
    }
}
