//! What is merged into what, and the merge itself.

use super::stored_tensor::{StoredTensor, WriteError};
use super::{FloatType, MergeError};
use crate::adapter::Adapter as PeftAdapter;
use crate::checkpoint_files::{HfFolder, RawTensor};
use crate::config::ModelConfig;
use crate::file_error::FileError;
use crate::folder_draft::{FolderDraft, is_free};
use crate::gguf::GgufFile;
use crate::kernels::{CpuKernels, LoraPair};
use crate::lora::Adapter;
use crate::tokenizer::hf_files;
use crate::weights::{ModelFiles, TensorSource};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

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
                copy(folder, self.settings.dtype, &draft)?;
                Vec::new()
            }
            ModelFiles::Gguf(file) => {
                let dtype = self.settings.dtype.unwrap_or(DEFAULT_TYPE);
                make(file, &self.config, dtype, &draft)?
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

/// The data begin at a multiple of this many bytes.
const ALIGNMENT: usize = 8;

/// A file of weights.
#[derive(Debug)]
pub(super) struct Shard {
    pub file: String,
    pub tensors: Vec<StoredTensor>,
}

/// Divides tensors, kept in order, over files of at most `most` bytes of data each; one tensor alone may
/// be larger. Wide types go first in each file, so that every value is aligned.
pub(super) fn divide(tensors: Vec<StoredTensor>, most: u64) -> Vec<Shard> {
    let mut groups: Vec<Vec<StoredTensor>> = Vec::new();
    let mut room = 0;
    for tensor in tensors {
        let bytes = tensor.bytes();
        match groups.last_mut() {
            Some(group) if bytes <= room => {
                room -= bytes;
                group.push(tensor);
            }
            _ => {
                room = most.saturating_sub(bytes);
                groups.push(vec![tensor]);
            }
        }
    }
    let count = groups.len();
    let named = groups.into_iter().enumerate().map(|(index, mut tensors)| {
        tensors.sort_by_key(|tensor| std::cmp::Reverse(tensor.dtype.bytes()));
        let file = match count {
            1 => "model.safetensors".to_owned(),
            _ => format!("model-{:05}-of-{count:05}.safetensors", index + 1),
        };
        Shard { file, tensors }
    });
    named.collect()
}

/// The contents of `model.safetensors.index.json`.
pub(super) fn index(shards: &[Shard]) -> Value {
    let total: u64 = shards.iter().flat_map(|shard| &shard.tensors).map(StoredTensor::bytes).sum();
    let files = shards.iter().flat_map(|shard| {
        shard.tensors.iter().map(|tensor| (tensor.tensor.name(), shard.file.as_str()))
    });
    let files: BTreeMap<&str, &str> = files.collect();
    json!({"metadata": {"total_size": total}, "weight_map": files})
}

impl Shard {
    /// Writes what goes before the data: the header and its length.
    pub fn write_header(&self, out: &mut impl Write) -> io::Result<()> {
        let mut header = Map::new();
        header.insert("__metadata__".to_owned(), json!({"format": "pt"}));
        let mut start = 0;
        for tensor in &self.tensors {
            let end = start + tensor.bytes();
            let entry = json!({
                "dtype": tensor.dtype.safetensors_name(),
                "shape": tensor.tensor.shape(),
                "data_offsets": [start, end],
            });
            header.insert(tensor.tensor.name().to_owned(), entry);
            start = end;
        }
        let mut text = Value::Object(header).to_string();
        let padded = text.len().next_multiple_of(ALIGNMENT);
        text.extend(std::iter::repeat_n(' ', padded - text.len()));
        out.write_all(&(text.len() as u64).to_le_bytes())?;
        out.write_all(text.as_bytes())
    }
}

const CONFIG: &str = "config.json";
/// Endings of files that hold weights, or say where they are.
const WEIGHTS: [&str; 11] = [
    ".safetensors",
    ".safetensors.index.json",
    ".bin",
    ".bin.index.json",
    ".pt",
    ".pth",
    ".gguf",
    ".onnx",
    ".h5",
    ".msgpack",
    ".ckpt",
];

/// Copies what lies at the top of `folder`: configuration, tokenizer, licence. Its README describes
/// another model. `dtype` is the weights' new storage type, if they get one.
pub(super) fn copy(
    folder: &HfFolder,
    dtype: Option<FloatType>,
    draft: &FolderDraft,
) -> Result<(), MergeError> {
    let path = folder.path();
    for entry in fs::read_dir(path).map_err(FileError::on("read", path))? {
        let entry = entry.map_err(FileError::on("read", path))?;
        let (from, name) = (entry.path(), entry.file_name());
        let Some(name) = name.to_str() else { continue };
        // Links lead to files in the hub's cache, so what counts is where they lead.
        if !from.is_file() || !is_kept(name) {
            continue;
        }
        let contents = fs::read(&from).map_err(FileError::on("read", &from))?;
        match dtype {
            Some(dtype) if name == CONFIG => {
                draft.write(name, with_dtype(&contents, dtype, &from)?.as_bytes())?;
            }
            _ => draft.write(name, &contents)?,
        }
    }
    Ok(())
}

fn is_kept(name: &str) -> bool {
    !name.starts_with('.')
        && !name.eq_ignore_ascii_case("readme.md")
        && !WEIGHTS.iter().any(|ending| name.ends_with(ending))
}

/// A `config.json` that names another storage type.
fn with_dtype(contents: &[u8], dtype: FloatType, path: &Path) -> Result<String, MergeError> {
    let mut config: Value = serde_json::from_slice(contents).unwrap_or_default();
    let Some(fields) = config.as_object_mut() else {
        return Err(MergeError::Config { path: path.to_owned() });
    };
    // The newer name where the file has it.
    let field = if fields.contains_key("dtype") { "dtype" } else { "torch_dtype" };
    fields.insert(field.to_owned(), json!(dtype.torch_name()));
    Ok(format!("{config:#}\n"))
}

/// Makes the files that a folder of the model in `file` would have. What cannot be made of the tokenizer
/// comes back as a remark.
pub(super) fn make(
    file: &GgufFile,
    config: &ModelConfig,
    dtype: FloatType,
    draft: &FolderDraft,
) -> Result<Vec<String>, MergeError> {
    let json = config.to_json(dtype.torch_name(), file.path())?;
    draft.write(CONFIG, format!("{json:#}\n").as_bytes())?;
    let generation = format!("{:#}\n", config.generation_json());
    draft.write("generation_config.json", generation.as_bytes())?;
    match hf_files(file.metadata(), config.max_positions) {
        Ok(files) => {
            for (name, contents) in files {
                draft.write(name, contents.as_bytes())?;
            }
            Ok(Vec::new())
        }
        Err(error) => Ok(vec![format!(
            "there is no tokenizer.json, for it cannot be made from the GGUF file: {error}; copy \
             tokenizer.json and tokenizer_config.json from where the model was published"
        )]),
    }
}
