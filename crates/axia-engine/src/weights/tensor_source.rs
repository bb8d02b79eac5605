//! All tensors of a model by their Hugging Face names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::checkpoint_files::{
    CheckpointError, HfFolder, RawTensor, UnreadableTensor, hf_name, text_name,
};
use crate::config::ModelConfig;
use crate::gguf::GgufFile;
use crate::spelling::{nearest_name, suggestion};

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
