//! Scores, samples and fine-tunes decoder language models over prefix forests.
//!
//! Many token sequences that begin alike are merged into a [`forest::Forest`]; each distinct prefix
//! is computed once, forward and backward, with exactly the result of the separate sequences.
//! The crate knows nothing of values or surveys: rows of token ids go in, log-likelihoods, texts
//! and adapters come out.
#![deny(missing_docs)]

pub mod adapter;
pub mod chat;
pub mod checkpoint_files;
pub mod config;
pub mod decoder;
pub mod error;
mod file_error;
mod folder_draft;
pub mod forest;
pub mod generate;
pub mod gguf;
pub mod kernels;
pub mod lora;
pub mod memory;
pub mod merge;
pub mod model;
pub mod score;
mod spelling;
pub mod tokenizer;
pub mod train;
pub mod weights;

pub use error::EngineError;
pub use folder_draft::DRAFT_PREFIX;
pub use model::Model;
