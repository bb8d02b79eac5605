//! Reads a model's shape from the metadata of a GGUF file.

use std::path::Path;

use super::gguf_options::options;
use super::{Architecture, ConfigError, ModelConfig, Options, Rope, RopeScaling};
use crate::checkpoint_files::{CheckpointError, RawTensor};
use crate::gguf::{GgufFile, Metadata};

/// What llama.cpp assumes where the metadata are silent.
const DEFAULT_THETA: f64 = 10_000.0;

impl ModelConfig {
    /// Reads the metadata, and the directory of tensors for what they leave out.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file and the key that is missing, wrong or not supported.
    pub fn from_gguf(file: &GgufFile) -> Result<Self, ConfigError> {
        let metadata = file.metadata();
        let name = metadata
            .str("general.architecture")?
            .ok_or_else(|| metadata.missing("general.architecture"))?;
        let architecture =
            Architecture::from_gguf(name).ok_or_else(|| ConfigError::Architecture {
                path: file.path().to_owned(),
                field: "general.architecture",
                found: name.to_owned(),
            })?;
        refuse_split(metadata)?;
        let keys = Keys { metadata, prefix: name };
        let hidden_size = keys.required("embedding_length")?;
        let heads = keys.required("attention.head_count")?;
        let head_dim = head_dim(&keys, hidden_size, heads)?;
        let model = ModelConfig {
            architecture,
            vocab_size: vocab_size(file, &keys)?,
            hidden_size,
            layers: keys.required("block_count")?,
            heads,
            kv_heads: keys.usize("attention.head_count_kv")?.unwrap_or(heads),
            head_dim,
            ffn_size: keys.required("feed_forward_length")?,
            rms_eps: keys.required_f64("attention.layer_norm_rms_epsilon")?,
            rope: rope(file, &keys, head_dim)?,
            tied_embeddings: file.tensor("output.weight").is_none(),
            max_positions: keys.required("context_length")?,
            bos_id: token_id(metadata, "tokenizer.ggml.bos_token_id")?,
            eos_ids: eos_ids(metadata)?,
            pad_id: token_id(metadata, "tokenizer.ggml.padding_token_id")?,
            options: Options::default(),
        };
        // The sizes are checked before anything is allocated by them.
        let model = model.check(file.path())?;
        Ok(ModelConfig { options: options(file, &keys, &model)?, ..model })
    }
}

/// Metadata under the prefix of an architecture: `llama.block_count`.
pub(super) struct Keys<'a> {
    pub metadata: &'a Metadata,
    prefix: &'a str,
}

impl Keys<'_> {
    pub fn full(&self, key: &str) -> String {
        format!("{}.{key}", self.prefix)
    }

    pub fn path(&self) -> &Path {
        self.metadata.path()
    }

    pub fn usize(&self, key: &str) -> Result<Option<usize>, ConfigError> {
        let value = self.metadata.u64(&self.full(key))?;
        // What does not fit is far beyond the limits that are checked later.
        Ok(value.map(|value| usize::try_from(value).unwrap_or(usize::MAX)))
    }

    fn required(&self, key: &str) -> Result<usize, ConfigError> {
        Ok(self.usize(key)?.ok_or_else(|| self.metadata.missing(&self.full(key)))?)
    }

    pub fn f64(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        Ok(self.metadata.f64(&self.full(key))?)
    }

    fn required_f64(&self, key: &str) -> Result<f64, ConfigError> {
        Ok(self.f64(key)?.ok_or_else(|| self.metadata.missing(&self.full(key)))?)
    }

    /// A number above zero.
    pub fn positive(&self, key: &'static str) -> Result<Option<f64>, ConfigError> {
        match self.f64(key)? {
            Some(number) if !(number.is_finite() && number > 0.0) => Err(ConfigError::Absurd {
                path: self.path().to_owned(),
                field: key,
                found: number.to_string(),
                problem: "it should be a positive number".to_owned(),
            }),
            number => Ok(number),
        }
    }

    pub fn unsupported(&self, key: &str, found: String, supported: &'static str) -> ConfigError {
        ConfigError::Unsupported {
            path: self.path().to_owned(),
            field: self.full(key),
            found,
            supported,
        }
    }
}

fn refuse_split(metadata: &Metadata) -> Result<(), ConfigError> {
    const KEY: &str = "split.count";
    match metadata.u64(KEY)? {
        Some(files) if files > 1 => Err(ConfigError::Unsupported {
            path: metadata.path().to_owned(),
            field: KEY.to_owned(),
            found: files.to_string(),
            supported: "only whole models are; join the files with `llama-gguf-split --merge`",
        }),
        _ => Ok(()),
    }
}

fn head_dim(keys: &Keys<'_>, hidden_size: usize, heads: usize) -> Result<usize, ConfigError> {
    let head_dim = match keys.usize("attention.key_length")? {
        Some(length) => length,
        None => hidden_size.checked_div(heads).unwrap_or_default(),
    };
    for key in ["attention.value_length", "rope.dimension_count"] {
        if let Some(other) = keys.usize(key)?.filter(|other| *other != head_dim) {
            return Err(keys.unsupported(key, other.to_string(), "only the width of a head is"));
        }
    }
    Ok(head_dim)
}

/// The embedding's rows, which some files have more of than tokens.
fn vocab_size(file: &GgufFile, keys: &Keys<'_>) -> Result<usize, ConfigError> {
    match file.tensor("token_embd.weight") {
        Some(embedding) => Ok(embedding.shape.first().copied().unwrap_or_default()),
        None => keys.required("vocab_size"),
    }
}

fn rope(file: &GgufFile, keys: &Keys<'_>, head_dim: usize) -> Result<Rope, ConfigError> {
    Ok(Rope {
        theta: keys.f64("rope.freq_base")?.unwrap_or(DEFAULT_THETA),
        scaling: match frequency_divisors(file, head_dim)? {
            Some(divisors) => RopeScaling::Divisors(divisors),
            None => scaling(keys)?,
        },
    })
}

fn scaling(keys: &Keys<'_>) -> Result<RopeScaling, ConfigError> {
    match keys.metadata.str(&keys.full("rope.scaling.type"))? {
        None | Some("none") => Ok(RopeScaling::None),
        Some("linear") => linear(keys),
        Some(other) => Err(keys.unsupported(
            "rope.scaling.type",
            format!("{other:?}"),
            "\"none\" and \"linear\" are",
        )),
    }
}

fn linear(keys: &Keys<'_>) -> Result<RopeScaling, ConfigError> {
    const KEY: &str = "rope.scaling.factor";
    let factor = keys.positive(KEY)?.ok_or_else(|| keys.metadata.missing(&keys.full(KEY)))?;
    Ok(RopeScaling::Linear { factor })
}

/// Llama 3.1's converted scaling: one divisor for each rotated pair.
fn frequency_divisors(file: &GgufFile, head_dim: usize) -> Result<Option<Vec<f32>>, ConfigError> {
    let Some(tensor) = RawTensor::from_gguf(file, "rope_freqs.weight") else {
        return Ok(None);
    };
    let divisors = tensor
        .map_err(CheckpointError::from)
        .and_then(|tensor| tensor.to_f32())
        .map_err(|error| ConfigError::Tensor(Box::new(error)))?;
    let sound = divisors.len() == head_dim / 2 && divisors.iter().all(|divisor| *divisor > 0.0);
    if sound {
        return Ok(Some(divisors));
    }
    Err(ConfigError::Absurd {
        path: file.path().to_owned(),
        field: "rope_freqs.weight",
        found: format!("{} values", divisors.len()),
        problem: format!("it should be {} positive numbers", head_dim / 2),
    })
}

fn token_id(metadata: &Metadata, key: &str) -> Result<Option<u32>, ConfigError> {
    // What does not fit is beyond any vocabulary, which is checked later.
    Ok(metadata.u64(key)?.map(|id| u32::try_from(id).unwrap_or(u32::MAX)))
}

/// The end of a sequence, then the ends of a turn and of a message where the model has them.
fn eos_ids(metadata: &Metadata) -> Result<Vec<u32>, ConfigError> {
    let mut ids = Vec::new();
    for kind in ["eos", "eot", "eom"] {
        let id = token_id(metadata, &format!("tokenizer.ggml.{kind}_token_id"))?;
        if let Some(id) = id.filter(|id| !ids.contains(id)) {
            ids.push(id);
        }
    }
    Ok(ids)
}
