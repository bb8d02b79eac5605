//! What is merged into what, and the merge itself.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::other_files;
use super::shard::{Shard, divide, index};
use super::stored_tensor::{StoredTensor, WriteError};
use super::{FloatType, MergeError};
use crate::adapter::Adapter as PeftAdapter;
use crate::checkpoint_files::RawTensor;
use crate::config::ModelConfig;
use crate::error::FileError;
use crate::folder_draft::{FolderDraft, is_free};
use crate::kernels::{CpuKernels, LoraPair};
use crate::lora::Adapter;
use crate::weights::{ModelFiles, TensorSource};

const INDEX: &str = "model.safetensors.index.json";
const MODEL_CARD: &str = "README.md";
/// The type of weights from GGUF files unless told otherwise: what most models are published in.
const DEFAULT_TYPE: FloatType = FloatType::Bf16;

/// How a merged model is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeSettings {
    /// Most bytes of data in one file of weights.
    pub max_shard_bytes: u64,
    /// Storage type of all weights; without one each tensor of a folder keeps its own, and those of GGUF
    /// files become bfloat16.
    pub dtype: Option<FloatType>,
}

impl Default for MergeSettings {
    fn default() -> Self {
        Self { max_shard_bytes: 5_000_000_000, dtype: None }
    }
}

/// A merge that has been thought through: everything is there and fits.
pub struct MergePlan<'a> {
    files: &'a ModelFiles,
    config: ModelConfig,
    settings: MergeSettings,
    shards: Vec<Shard>,
    pairs: Vec<LoraPair<Vec<f32>>>,
    kernels: CpuKernels,
}

impl<'a> MergePlan<'a> {
    /// Plans to merge `adapter` into the model in `files`. `name` is the adapter's name in messages.
    ///
    /// # Errors
    /// [`MergeError`] naming what is missing, does not fit or cannot be read.
    pub fn new(
        files: &'a ModelFiles,
        adapter: &PeftAdapter,
        name: &str,
        settings: MergeSettings,
    ) -> Result<Self, MergeError> {
        let config = files.config()?;
        if let Some(of_images) = adapter.modules.iter().find(|m| config.is_for_images(&m.module)) {
            return Err(MergeError::OfImages { module: of_images.module.clone() });
        }
        let kernels = CpuKernels::default();
        let model_name = files.path().to_string_lossy();
        let adapter = Adapter::from_peft(&kernels, &config, adapter, (name, &model_name))?;
        let source = files.tensors(&config)?;
        let is_gguf = matches!(files, ModelFiles::Gguf(_));
        let dtype = settings.dtype.or(is_gguf.then_some(DEFAULT_TYPE));
        let layers: Vec<String> =
            adapter.places().iter().map(|(block, module)| module.name(*block)).collect();
        let tensors = tensors(&source, is_gguf)?.into_iter().map(|(name, tensor)| {
            let layer = name.strip_suffix(".weight");
            let norm = name.ends_with("norm.weight");
            let offset = if is_gguf && norm && config.architecture.is_gemma() { 1.0 } else { 0.0 };
            Ok(StoredTensor {
                dtype: stored_type(&tensor, dtype)?,
                offset,
                pair: layers.iter().position(|name| Some(name.as_str()) == layer),
                tensor,
            })
        });
        let tensors = tensors.collect::<Result<Vec<_>, MergeError>>()?;
        let shards = divide(tensors, settings.max_shard_bytes);
        Ok(Self { files, config, settings, shards, pairs: adapter.into_pairs(), kernels })
    }

    /// Bytes of all weights together.
    pub fn bytes(&self) -> u64 {
        self.shards.iter().flat_map(|shard| &shard.tensors).map(StoredTensor::bytes).sum()
    }

    /// Merges into the folder `out`, which appears whole or not at all, with `model_card` as README.md;
    /// gives back remarks on what the folder lacks. Weights go from file to file block by block.
    /// `progress` hears how many bytes of weights are written and says whether to go on.
    ///
    /// # Errors
    /// [`MergeError::Occupied`] if `out` is there and not an empty folder, [`FileError`] if a file cannot be
    /// written, [`crate::EngineError::Cancelled`], and others naming the tensor at fault.
    pub fn write(
        &self,
        out: &Path,
        model_card: &str,
        progress: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Vec<String>, MergeError> {
        if !is_free(out) {
            return Err(MergeError::Occupied { path: out.to_owned() });
        }
        let draft = FolderDraft::of(out)?;
        let mut done = 0;
        let mut written = |bytes| {
            done += bytes;
            progress(done)
        };
        let remarks = match self.files {
            ModelFiles::Folder(folder) => {
                other_files::copy(folder, self.settings.dtype, &draft)?;
                Vec::new()
            }
            ModelFiles::Gguf(file) => {
                let dtype = self.settings.dtype.unwrap_or(DEFAULT_TYPE);
                other_files::make(file, &self.config, dtype, &draft)?
            }
        };
        for shard in &self.shards {
            self.write_shard(shard, &draft, &mut written)?;
        }
        if self.shards.len() > 1 {
            draft.write(INDEX, format!("{:#}\n", index(&self.shards)).as_bytes())?;
        }
        draft.write(MODEL_CARD, model_card.as_bytes())?;
        draft.commit()?;
        Ok(remarks)
    }

    fn write_shard(
        &self,
        shard: &Shard,
        draft: &FolderDraft,
        written: &mut dyn FnMut(u64) -> bool,
    ) -> Result<(), MergeError> {
        let mut write = || -> Result<(), WriteError> {
            let mut out = BufWriter::new(File::create(draft.path_of(&shard.file))?);
            shard.write_header(&mut out)?;
            for tensor in &shard.tensors {
                tensor.write(&self.kernels, &self.pairs, &mut out, written)?;
            }
            out.flush()?;
            Ok(out.get_ref().sync_all()?)
        };
        write().map_err(|error| match error {
            WriteError::Merge(error) => error,
            WriteError::Io(error) => {
                FileError::on("write", &draft.final_path_of(&shard.file))(error).into()
            }
        })
    }
}

/// The tensors of the merged model, blocks in their order. Of a GGUF file only what the engine uses:
/// rotary frequencies go into `config.json`.
fn tensors(source: &TensorSource, is_gguf: bool) -> Result<Vec<(&str, RawTensor)>, MergeError> {
    let is_part =
        |name: &&str| !is_gguf || name.starts_with("model.") || name.starts_with("lm_head.");
    let mut names: Vec<&str> = source.names().filter(is_part).collect();
    names.sort_by_key(|name| {
        let block = name.split('.').find_map(|part| part.parse::<usize>().ok());
        (block.is_some(), block, *name)
    });
    let tensors = names.into_iter().map(|name| Ok((name, source.tensor(name)?.clone())));
    tensors.collect()
}

fn stored_type(tensor: &RawTensor, chosen: Option<FloatType>) -> Result<FloatType, MergeError> {
    chosen.or(FloatType::of(tensor.dtype())).ok_or_else(|| MergeError::Quantised {
        tensor: tensor.name().to_owned(),
        found: tensor.dtype().to_string(),
    })
}
