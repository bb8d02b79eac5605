//! Reads and writes the tensors of an adapter: `adapter_model.safetensors`, and LoRA files in GGUF.

use super::{Adapter, AdapterError, LoraConfig};
use crate::checkpoint_files::{
    CheckpointError, RawTensor, SafetensorsFile, gguf_name, newer_name, text_name,
};
use crate::config::ModelConfig;
use crate::gguf::{GgufWriter, MetadataValue};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// What PEFT puts before the path of a module.
const PREFIX: &str = "base_model.model.";
/// What PEFT can adapt outside the blocks, and axia cannot.
const OUTER_LAYERS: [&str; 2] = ["lm_head", "embed_tokens"];
const A_ENDING: &str = ".lora_A.weight";
const B_ENDING: &str = ".lora_B.weight";

/// The adapter of one linear layer: y = W x + scale · B A x.
#[derive(Clone, Debug, PartialEq)]
pub struct LoraTensors {
    /// The path of the layer: `model.layers.0.self_attn.q_proj`.
    pub module: String,
    /// The rank.
    pub r: usize,
    /// Width of the layer's input.
    pub inputs: usize,
    /// Width of the layer's output.
    pub outputs: usize,
    /// The factor of the update.
    pub scale: f64,
    /// (r, inputs), row by row.
    pub a: Vec<f32>,
    /// (outputs, r), row by row.
    pub b: Vec<f32>,
}

/// Reads all pairs of tensors, sorted by the path of their module.
pub(super) fn read(path: &Path, config: &LoraConfig) -> Result<Vec<LoraTensors>, AdapterError> {
    let file = SafetensorsFile::open(path)?;
    let mut halves: BTreeMap<String, Halves> = BTreeMap::new();
    for (name, tensor) in file.tensors() {
        let tensor = tensor.map_err(CheckpointError::from)?;
        let Some((module, half)) = split_name(name) else {
            let problem = match OUTER_LAYERS.iter().find(|layer| name.contains(*layer)) {
                Some(layer) => format!("changes `{layer}`, which is not supported"),
                None => "is not part of a LoRA pair on a linear layer".to_owned(),
            };
            return Err(wrong(path, name, problem));
        };
        let halves = halves.entry(newer_name(module).into_owned()).or_default();
        match half {
            Half::A => halves.a = Some(tensor),
            Half::B => halves.b = Some(tensor),
        }
    }
    halves.into_iter().map(|(module, halves)| halves.join(path, module, config)).collect()
}

/// The bytes of a file with all pairs in single precision; keys are sorted, so that equal tensors give
/// equal bytes.
pub(super) fn to_bytes(path: &Path, modules: &[LoraTensors]) -> Result<Vec<u8>, AdapterError> {
    let failed = |problem: String| AdapterError::Layout { path: path.to_owned(), problem };
    let stored: BTreeMap<String, (Vec<usize>, Vec<u8>)> = modules
        .iter()
        .flat_map(|module| {
            let key = |ending| format!("{PREFIX}{}{ending}", module.module);
            let a = (vec![module.r, module.inputs], little_endian(&module.a));
            let b = (vec![module.outputs, module.r], little_endian(&module.b));
            [(key(A_ENDING), a), (key(B_ENDING), b)]
        })
        .collect();
    let views = stored
        .iter()
        .map(|(key, (shape, bytes))| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes)
                .map_err(|error| failed(format!("`{key}`: {error}")))?;
            Ok((key.as_str(), view))
        })
        .collect::<Result<Vec<_>, AdapterError>>()?;
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| failed(error.to_string()))
}

fn little_endian(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

enum Half {
    A,
    B,
}

/// The module's path and which of its two tensors this is.
fn split_name(name: &str) -> Option<(&str, Half)> {
    let path = name.strip_prefix(PREFIX)?;
    path.strip_suffix(A_ENDING)
        .map(|module| (module, Half::A))
        .or_else(|| Some((path.strip_suffix(B_ENDING)?, Half::B)))
}

/// What has been found of a pair.
#[derive(Default)]
struct Halves {
    a: Option<RawTensor>,
    b: Option<RawTensor>,
}

impl Halves {
    fn join(
        self,
        path: &Path,
        module: String,
        config: &LoraConfig,
    ) -> Result<LoraTensors, AdapterError> {
        let (a, b) = match (self.a, self.b) {
            (Some(a), Some(b)) => (a, b),
            (Some(found), None) => return Err(lonely(path, &found, B_ENDING)),
            (None, Some(found)) => return Err(lonely(path, &found, A_ENDING)),
            // An entry is only made to put a tensor into it.
            (None, None) => return Err(wrong(path, &module, "has no tensors".to_owned())),
        };
        let (&[r, inputs], &[outputs, b_rank]) = (a.shape(), b.shape()) else {
            let problem = format!("and its pair have shapes {:?} and {:?}", a.shape(), b.shape());
            return Err(wrong(path, a.name(), problem));
        };
        let rank = config.rank_of(&module)?;
        if r != rank || b_rank != rank {
            let problem =
                format!("has rank {r} and its pair {b_rank}, but adapter_config.json says {rank}");
            return Err(wrong(path, a.name(), problem));
        }
        Ok(LoraTensors {
            scale: config.scale_of(&module)?,
            module,
            r,
            inputs,
            outputs,
            a: a.to_f32()?,
            b: b.to_f32()?,
        })
    }
}

fn lonely(path: &Path, found: &RawTensor, other: &str) -> AdapterError {
    wrong(path, found.name(), format!("has no pair ending in `{other}`"))
}

fn wrong(path: &Path, tensor: &str, problem: String) -> AdapterError {
    AdapterError::Tensor { path: path.to_owned(), tensor: tensor.to_owned(), problem }
}

impl Adapter {
    /// The adapter as a GGUF file for llama.cpp. `base` is the shape of the model that it is for; the
    /// `names` of adapter and model are only used in messages.
    ///
    /// llama.cpp knows one alpha and takes alpha / rank for the factor of every update. Where the factor is
    /// another (rank-stabilised, by pattern) the difference goes into B. Rows of B on queries and keys
    /// stand in the order in which converters store those of the model.
    ///
    /// # Errors
    /// [`AdapterError::Mismatch`] if the adapter is not for this model.
    pub fn to_gguf(
        &self,
        base: &ModelConfig,
        (adapter, model): (&str, &str),
    ) -> Result<GgufWriter, AdapterError> {
        self.check_fits(base, adapter, model)?;
        let text = |text: &str| MetadataValue::String(text.to_owned());
        let mut file = GgufWriter::new()
            .entry("general.architecture", text(base.architecture.gguf_name()))
            .entry("general.type", text("adapter"))
            .entry("general.name", text(adapter))
            .entry("adapter.type", text("lora"))
            .entry("adapter.lora.alpha", MetadataValue::F32(self.config.alpha as f32));
        for module in &self.modules {
            let weight = format!("{}.weight", text_name(&module.module));
            let name = gguf_name(&weight, base.options.post_norms);
            let b = stored_b(module, base, self.config.alpha as f32);
            file = file
                .tensor_f32(&format!("{name}.lora_a"), &[module.r, module.inputs], &module.a)
                .tensor_f32(&format!("{name}.lora_b"), &[module.outputs, module.r], &b);
        }
        Ok(file)
    }
}

/// B with what llama.cpp's factor lacks, its rows in the order of GGUF files.
fn stored_b(module: &LoraTensors, base: &ModelConfig, alpha: f32) -> Vec<f32> {
    // Exactly 1 for plain LoRA, whose numbers are to stay what they are.
    let factor = module.scale * module.r as f64 / f64::from(alpha);
    let scaled: Vec<f32> =
        module.b.iter().map(|value| (f64::from(*value) * factor) as f32).collect();
    let Some(order) = base.row_order_in_gguf(&module.module) else { return scaled };
    let mut stored = vec![0.0; scaled.len()];
    for (row, values) in scaled.chunks_exact(module.r.max(1)).enumerate() {
        let place = order.stored_row(row) * module.r;
        if let Some(out) = stored.get_mut(place..place + module.r) {
            out.copy_from_slice(values);
        }
    }
    stored
}
