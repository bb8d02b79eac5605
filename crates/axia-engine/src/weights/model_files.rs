//! Everything a model's files say, wherever it is stored.

use std::fs;
use std::path::Path;

use super::TensorSource;
use crate::chat::{ChatError, ChatTemplate};
use crate::checkpoint_files::{CheckpointError, HfFolder};
use crate::config::{ConfigError, ModelConfig};
use crate::file_error::FileError;
use crate::gguf::GgufFile;
use crate::tokenizer::{Tokenizer, TokenizerError};

/// A model on disk: a GGUF file or a Hugging Face folder.
#[derive(Debug)]
pub enum ModelFiles {
    /// A single GGUF file.
    Gguf(GgufFile),
    /// A Hugging Face folder.
    Folder(HfFolder),
}

impl ModelFiles {
    /// Opens a folder or a `.gguf` file; of a folder nothing is read yet.
    ///
    /// # Errors
    /// [`CheckpointError`] if `path` is neither or not there, or the GGUF file is not sound.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        if fs::metadata(path).map_err(FileError::on("open", path))?.is_dir() {
            return Ok(Self::Folder(HfFolder::new(path)));
        }
        let gguf = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
        if gguf {
            Ok(Self::Gguf(GgufFile::open(path)?))
        } else {
            Err(CheckpointError::NotAModel { path: path.to_owned() })
        }
    }

    /// The file or folder.
    pub fn path(&self) -> &Path {
        match self {
            Self::Gguf(file) => file.path(),
            Self::Folder(folder) => folder.path(),
        }
    }

    /// The shape and options of the model.
    ///
    /// # Errors
    /// [`ConfigError`] if it is missing, not sound or not supported.
    pub fn config(&self) -> Result<ModelConfig, ConfigError> {
        match self {
            Self::Gguf(file) => ModelConfig::from_gguf(file),
            Self::Folder(folder) => ModelConfig::from_folder(folder),
        }
    }

    /// The weights; `config` is what [`ModelFiles::config`] returned.
    ///
    /// # Errors
    /// [`CheckpointError`] if a file of weights is missing or not sound.
    pub fn tensors(&self, config: &ModelConfig) -> Result<TensorSource, CheckpointError> {
        match self {
            Self::Gguf(file) => Ok(TensorSource::from_gguf(file, config)),
            Self::Folder(folder) => TensorSource::from_folder(folder),
        }
    }

    /// The tokenizer.
    ///
    /// # Errors
    /// [`TokenizerError`] if it is missing, not sound or not supported.
    pub fn tokenizer(&self) -> Result<Tokenizer, TokenizerError> {
        match self {
            Self::Gguf(file) => Tokenizer::from_gguf(file.metadata()),
            Self::Folder(folder) => Tokenizer::from_folder(folder),
        }
    }

    /// The tokenizer; where there is none, what stands for it in work with ids alone.
    ///
    /// # Errors
    /// [`TokenizerError`] if it is not sound or not supported.
    pub fn tokenizer_if_any(&self) -> Result<Tokenizer, TokenizerError> {
        match self {
            Self::Gguf(_) => self.tokenizer(),
            Self::Folder(folder) => Tokenizer::from_folder_if_any(folder),
        }
    }

    /// The chat template.
    ///
    /// # Errors
    /// [`ChatError`] if the model has none, or it is not sound.
    pub fn chat_template(&self) -> Result<ChatTemplate, ChatError> {
        match self {
            Self::Gguf(file) => ChatTemplate::from_gguf(file.metadata()),
            Self::Folder(folder) => ChatTemplate::from_folder(folder),
        }
    }
}
