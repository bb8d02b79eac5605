//! A Hugging Face model folder.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::{CheckpointError, JsonError, JsonObject, SafetensorsFile};

/// Weights in one file.
const SINGLE: &str = "model.safetensors";
/// The index of weights in several files.
const INDEX: &str = "model.safetensors.index.json";

/// A folder with `config.json`, `model.safetensors` (or shards with an index) and tokenizer files.
#[derive(Clone, Debug)]
pub struct HfFolder {
    path: PathBuf,
}

impl HfFolder {
    /// The folder at `path`; nothing is read yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where the folder lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file of the folder, or `None` if it is not there.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.path.join(name)).filter(|path| path.is_file())
    }

    /// A JSON file of the folder, or `None` if it is not there.
    pub(crate) fn json(&self, name: &str) -> Result<Option<JsonObject>, JsonError> {
        self.file(name).map(|path| JsonObject::read(&path)).transpose()
    }

    /// Opens all files of weights and checks that each holds what the index promises. Where all
    /// weights are in one file an index is not looked at, as in transformers: it is an older one.
    ///
    /// # Errors
    /// [`CheckpointError`] naming the file, and the tensor where there is one.
    pub fn open_weights(&self) -> Result<Vec<SafetensorsFile>, CheckpointError> {
        if let Some(path) = self.file(SINGLE) {
            return Ok(vec![SafetensorsFile::open(&path)?]);
        }
        match self.json(INDEX)? {
            Some(index) => self.open_shards(&index),
            None => Err(CheckpointError::NoWeights {
                folder: self.path.clone(),
                hint: self.hint_without_weights(),
            }),
        }
    }

    fn open_shards(&self, index: &JsonObject) -> Result<Vec<SafetensorsFile>, CheckpointError> {
        shards(index)?
            .into_iter()
            .map(|(shard, tensors)| self.open_shard(index.path(), &shard, &tensors))
            .collect()
    }

    fn open_shard(
        &self,
        index: &Path,
        shard: &str,
        tensors: &[String],
    ) -> Result<SafetensorsFile, CheckpointError> {
        let file = SafetensorsFile::open(&self.path.join(shard)).map_err(|error| match error {
            CheckpointError::File(source) => CheckpointError::MissingShard {
                index: index.to_owned(),
                shard: shard.to_owned(),
                tensor: tensors.first().cloned().unwrap_or_default(),
                source,
            },
            other => other,
        })?;
        match tensors.iter().find(|tensor| !file.contains(tensor)) {
            Some(absent) => Err(CheckpointError::MissingTensor {
                path: file.path().to_owned(),
                tensor: absent.clone(),
                hint: format!(", although `{INDEX}` says so"),
            }),
            None => Ok(file),
        }
    }

    fn hint_without_weights(&self) -> &'static str {
        let names: Vec<_> = std::fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        let any = |ending: &str| names.iter().any(|name| name.ends_with(ending));
        if any(".gguf") {
            "; give the path of the .gguf file in it"
        } else if any(".bin") || any(".pth") || any(".pt") {
            "; convert its PyTorch weights to safetensors first"
        } else {
            ""
        }
    }
}

/// File name of each shard and the tensors the index puts in it, both sorted.
fn shards(index: &JsonObject) -> Result<BTreeMap<String, Vec<String>>, CheckpointError> {
    let weight_map = index.object("weight_map")?.ok_or_else(|| index.missing("weight_map"))?;
    let mut shards: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (tensor, _) in weight_map.iter() {
        let shard = weight_map.str(tensor)?.unwrap_or_default();
        // An index must not lead out of its folder.
        let mut parts = Path::new(shard).components();
        if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
            return Err(CheckpointError::ShardName {
                index: index.path().to_owned(),
                shard: shard.to_owned(),
            });
        }
        shards.entry(shard.to_owned()).or_default().push(tensor.to_owned());
    }
    Ok(shards)
}
