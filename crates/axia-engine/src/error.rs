//! The engine's error type.

use crate::adapter::AdapterError;
use crate::chat::ChatError;
use crate::checkpoint_files::CheckpointError;
use crate::config::ConfigError;
pub use crate::file_error::FileError;
use crate::gguf::GgufError;
use crate::kernels::KernelError;
use crate::kernels::cuda::CudaError;
use crate::tokenizer::TokenizerError;
use std::path::PathBuf;
use thiserror::Error;

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
    /// What one device made was given to another.
    #[error(transparent)]
    Device(KernelError),
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
            Self::File(_) | Self::PassMemory { .. } | Self::Device(_) | Self::Cancelled => false,
            Self::Cuda(error) => error.is_usage(),
            _ => true,
        }
    }
}

impl From<KernelError> for EngineError {
    fn from(error: KernelError) -> Self {
        match error {
            KernelError::Checkpoint(error) => error.into(),
            KernelError::Cuda(error) => error.into(),
            error @ KernelError::OtherDevice { .. } => Self::Device(error),
        }
    }
}
