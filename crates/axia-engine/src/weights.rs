//! A model on disk, as the decoder wants it: shape, weights under one set of names, tokenizer, template.

use crate::chat::{ChatError, ChatTemplate};
use crate::checkpoint_files::{
    CheckpointError, HfFolder, RawTensor, UnreadableTensor, hf_name, text_name,
};
use crate::config::{ConfigError, ModelConfig};
use crate::file_error::FileError;
use crate::gguf::GgufFile;
use crate::spelling::{nearest_name, suggestion};
use crate::tokenizer::{Tokenizer, TokenizerError};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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

/// The tensors of a model, from a GGUF file or a Hugging Face folder, under Hugging Face's names and,
/// once widened, in its row order. Those of the language part of a model of text and images are under
/// the names that a model of text has for them.
#[derive(Clone, Debug)]
pub struct TensorSource {
    path: PathBuf,
    /// A tensor that cannot be read is an error only for those who ask for it.
    tensors: BTreeMap<String, Result<RawTensor, UnreadableTensor>>,
}

impl TensorSource {
    /// The tensors of a GGUF file. `config` is that of the same file: it says which rows are interleaved.
    pub fn from_gguf(file: &GgufFile, config: &ModelConfig) -> Self {
        let mut source = Self::empty(file.path());
        for info in file.tensors() {
            let name = hf_name(&info.name, config.options.post_norms).into_owned();
            let order = config.row_order_in_gguf(&name);
            let tensor = RawTensor::from_directory(file, info, name.clone(), order);
            source.tensors.insert(name, tensor);
        }
        source
    }

    /// The tensors of a Hugging Face folder.
    ///
    /// # Errors
    /// [`CheckpointError`] if a file of weights is missing or not sound.
    pub fn from_folder(folder: &HfFolder) -> Result<Self, CheckpointError> {
        let mut source = Self::empty(folder.path());
        for file in folder.open_weights()? {
            for (name, tensor) in file.tensors() {
                source.tensors.insert(text_name(name).into_owned(), tensor);
            }
        }
        Ok(source)
    }

    fn empty(path: &Path) -> Self {
        Self { path: path.to_owned(), tensors: BTreeMap::new() }
    }

    /// The file or folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Whether there is a tensor with this name, readable or not.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The tensor with this name.
    ///
    /// # Errors
    /// [`CheckpointError::MissingTensor`] or [`CheckpointError::UnreadableTensor`].
    pub fn tensor(&self, name: &str) -> Result<&RawTensor, CheckpointError> {
        match self.tensors.get(name) {
            Some(Ok(tensor)) => Ok(tensor),
            Some(Err(unreadable)) => Err(unreadable.clone().into()),
            None => Err(CheckpointError::MissingTensor {
                path: self.path.clone(),
                tensor: name.to_owned(),
                hint: suggestion(nearest_name(name, self.names())),
            }),
        }
    }

    /// The tensor with this name, which must have this shape (rows first).
    ///
    /// # Errors
    /// As [`TensorSource::tensor`], and [`CheckpointError::WrongShape`].
    pub fn tensor_of_shape(
        &self,
        name: &str,
        shape: &[usize],
    ) -> Result<&RawTensor, CheckpointError> {
        let tensor = self.tensor(name)?;
        if tensor.shape() == shape {
            return Ok(tensor);
        }
        Err(CheckpointError::WrongShape {
            path: tensor.path().to_owned(),
            tensor: name.to_owned(),
            found: tensor.shape().to_vec(),
            expected: shape.to_vec(),
        })
    }
}
