//! Reads a model's shape from the metadata of a GGUF file.

use std::path::Path;

use super::gguf_rope::options;
use super::gguf_rope::rope;
use super::{Architecture, ConfigError, ModelConfig, Options};
use crate::gguf::{GgufFile, Metadata};

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
            rope: rope(file, &keys, rotary_width(&keys, architecture, head_dim)?)?,
            tied_embeddings: file.tensor("output.weight").is_none(),
            max_positions: keys.required("context_length")?,
            bos_id: token_id(metadata, "tokenizer.ggml.bos_token_id")?,
            eos_ids: eos_ids(metadata)?,
            pad_id: token_id(metadata, "tokenizer.ggml.padding_token_id")?,
            options: Options::default(),
        };
        // The sizes are checked before anything is allocated by them.
        let model = model.check(file.path())?;
        let width = rotary_width(&keys, architecture, head_dim)?;
        let rotary_width = (width != head_dim).then_some(width);
        let options = Options { rotary_width, ..options(file, &keys, &model)? };
        Ok(ModelConfig { options, ..model })
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

    pub fn required(&self, key: &str) -> Result<usize, ConfigError> {
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
    const KEY: &str = "attention.value_length";
    match keys.usize(KEY)? {
        Some(other) if other != head_dim => {
            Err(keys.unsupported(KEY, other.to_string(), "only the width of a head is"))
        }
        _ => Ok(head_dim),
    }
}

/// How many leading dimensions of a head are turned.
fn rotary_width(
    keys: &Keys<'_>,
    architecture: Architecture,
    head_dim: usize,
) -> Result<usize, ConfigError> {
    const KEY: &str = "rope.dimension_count";
    let width = keys.usize(KEY)?.unwrap_or(head_dim);
    // Of interleaved heads it would be other dimensions than the leading ones.
    let interleaved = architecture.gguf_interleaves_rotary_rows();
    let part = !interleaved && width > 0 && width < head_dim && width.is_multiple_of(2);
    if part || width == head_dim {
        return Ok(width);
    }
    let supported = match interleaved {
        true => "only the width of a head is",
        false => "only even numbers up to the width of a head are",
    };
    Err(keys.unsupported(KEY, width.to_string(), supported))
}

/// The embedding's rows, which some files have more of than tokens.
fn vocab_size(file: &GgufFile, keys: &Keys<'_>) -> Result<usize, ConfigError> {
    match file.tensor("token_embd.weight") {
        Some(embedding) => Ok(embedding.shape.first().copied().unwrap_or_default()),
        None => keys.required("vocab_size"),
    }
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
