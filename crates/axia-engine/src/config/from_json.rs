//! Reads a model's shape from a Hugging Face folder.

use std::path::Path;

use serde_json::Value;

use super::architecture::GEMMA3_WITH_IMAGES;
use super::json_options::options;
use super::json_rope::RopeFields;
use super::{Architecture, ConfigError, ModelConfig, Options};
use crate::checkpoint_files::{HfFolder, JsonObject};

/// What transformers assumes where `config.json` is silent.
const DEFAULT_RMS_EPS: f64 = 1e-6;

impl ModelConfig {
    /// Reads `config.json`, and `generation_config.json` for more tokens that end a reply.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file and the field that is missing, wrong or not supported.
    pub fn from_folder(folder: &HfFolder) -> Result<Self, ConfigError> {
        let Some(config) = folder.json("config.json")? else {
            return Err(ConfigError::NoConfig { folder: folder.path().to_owned() });
        };
        let generation = folder.json("generation_config.json")?;
        from_objects(&config, generation.as_ref())
    }

    /// Parses the contents of a `config.json`; `path` is only used in messages.
    ///
    /// # Errors
    /// As [`ModelConfig::from_folder`].
    pub fn from_json(bytes: &[u8], path: &Path) -> Result<Self, ConfigError> {
        from_objects(&JsonObject::parse(bytes, path)?, None)
    }
}

fn from_objects(
    config: &JsonObject,
    generation: Option<&JsonObject>,
) -> Result<ModelConfig, ConfigError> {
    let text = text_part(config)?;
    let with_images = text.is_some();
    let (config, whole) = (text.as_ref().unwrap_or(config), config);
    let architecture = match text {
        Some(_) => Architecture::Gemma3,
        None => architecture(config)?,
    };
    let size = |field| size(config, architecture, field);
    let hidden_size = size("hidden_size")?;
    let heads = size("num_attention_heads")?;
    let head_dim = head_dim(config, architecture, hidden_size, heads)?;
    let max_positions =
        config.usize("max_position_embeddings")?.unwrap_or(max_positions(architecture));
    let rope = RopeFields { config, architecture, head_dim, max_positions };
    let model = ModelConfig {
        architecture,
        vocab_size: size("vocab_size")?,
        hidden_size,
        layers: size("num_hidden_layers")?,
        heads,
        kv_heads: kv_heads(config, architecture, heads)?,
        head_dim,
        ffn_size: size("intermediate_size")?,
        rms_eps: config.f64("rms_norm_eps")?.unwrap_or(DEFAULT_RMS_EPS),
        rope: rope.main()?,
        tied_embeddings: whole
            .bool("tie_word_embeddings")?
            .unwrap_or(ties_embeddings(architecture)),
        max_positions,
        bos_id: first_id(&[whole, config], generation, "bos_token_id")?,
        eos_ids: all_ids(&[whole, config], generation, "eos_token_id")?,
        pad_id: first_id(&[whole, config], generation, "pad_token_id")?,
        options: Options::default(),
    };
    // The sizes are checked before anything is allocated by them.
    let model = model.check(config.path())?;
    let mut options = options(config, architecture, (model.layers, hidden_size))?;
    options.local_rope = rope.local()?;
    options.with_images = with_images;
    if with_images {
        // The class of the whole model has no soft-capping, whatever the file of its text part says.
        options.logit_softcap = None;
    }
    ModelConfig { options, ..model }.check(config.path())
}

/// The settings of the part of a model of text and images that is read, if `config` is of one: Gemma 3
/// from 4B on.
fn text_part(config: &JsonObject) -> Result<Option<JsonObject>, ConfigError> {
    const FIELD: &str = "text_config";
    let classes = config.strings("architectures")?.unwrap_or_default();
    let is_whole = match classes.first() {
        Some(class) => *class == GEMMA3_WITH_IMAGES,
        None => config.str("model_type")? == Some("gemma3"),
    };
    match is_whole {
        true => Ok(Some(config.object(FIELD)?.ok_or_else(|| config.missing(FIELD))?)),
        false => Ok(None),
    }
}

/// A size that the file must tell; Gemma 3's files leave out what is as in transformers' class.
fn size(
    config: &JsonObject,
    architecture: Architecture,
    field: &'static str,
) -> Result<usize, ConfigError> {
    let assumed = match (architecture, field) {
        (Architecture::Gemma3, "vocab_size") => Some(262_208),
        (Architecture::Gemma3, "hidden_size") => Some(2_304),
        (Architecture::Gemma3, "intermediate_size") => Some(9_216),
        (Architecture::Gemma3, "num_hidden_layers") => Some(26),
        (Architecture::Gemma3, "num_attention_heads") => Some(8),
        _ => None,
    };
    Ok(config.usize(field)?.or(assumed).ok_or_else(|| config.missing(field))?)
}

/// What transformers assumes of a silent file, by kind; `null` means as many as query heads.
fn kv_heads(
    config: &JsonObject,
    architecture: Architecture,
    heads: usize,
) -> Result<usize, ConfigError> {
    const FIELD: &str = "num_key_value_heads";
    let assumed = match architecture {
        _ if config.is_null(FIELD) => heads,
        Architecture::Llama => heads,
        Architecture::Mistral => 8,
        Architecture::Qwen2 | Architecture::Qwen3 => 32,
        Architecture::SmolLm3 | Architecture::Gemma2 | Architecture::Gemma3 => 4,
    };
    Ok(config.usize(FIELD)?.unwrap_or(assumed))
}

/// What transformers assumes of a silent file, by kind.
fn ties_embeddings(architecture: Architecture) -> bool {
    architecture.is_gemma() || architecture == Architecture::SmolLm3
}

/// What transformers assumes of a silent file, by kind.
fn max_positions(architecture: Architecture) -> usize {
    match architecture {
        Architecture::Llama => 2_048,
        Architecture::Qwen2 | Architecture::Qwen3 | Architecture::SmolLm3 => 32_768,
        Architecture::Gemma2 => 8_192,
        Architecture::Mistral | Architecture::Gemma3 => 131_072,
    }
}

fn head_dim(
    config: &JsonObject,
    architecture: Architecture,
    hidden_size: usize,
    heads: usize,
) -> Result<usize, ConfigError> {
    let assumed = match architecture {
        Architecture::Qwen3 => Some(128),
        Architecture::Gemma2 | Architecture::Gemma3 => Some(256),
        _ => None,
    };
    if let Some(head_dim) = config.usize("head_dim")?.or(assumed) {
        return Ok(head_dim);
    }
    match hidden_size.checked_rem(heads) {
        Some(0) => Ok(hidden_size / heads),
        // No heads at all: what is wrong is their number, which is checked later.
        None => Ok(0),
        Some(_) => Err(ConfigError::Absurd {
            path: config.path().to_owned(),
            field: "hidden_size",
            found: hidden_size.to_string(),
            problem: format!("without `head_dim` it should be a multiple of the {heads} heads"),
        }),
    }
}

/// By class; files without one (some base models) by `model_type`.
fn architecture(config: &JsonObject) -> Result<Architecture, ConfigError> {
    let classes = config.strings("architectures")?.unwrap_or_default();
    let model_type = config.str("model_type")?;
    let (field, found, architecture) = match (classes.first(), model_type) {
        (Some(class), _) => ("architectures", *class, Architecture::from_class(class)),
        (None, Some(model_type)) => {
            ("model_type", model_type, Architecture::from_model_type(model_type))
        }
        (None, None) => return Err(config.missing("architectures").into()),
    };
    architecture.ok_or_else(|| ConfigError::Architecture {
        path: config.path().to_owned(),
        field,
        found: found.to_owned(),
    })
}

/// Refuses a field whose value is not supported; one that is absent is fine.
pub(super) fn only(
    config: &JsonObject,
    field: &str,
    supported: &'static str,
    is_supported: impl FnOnce(&Value) -> bool,
) -> Result<(), ConfigError> {
    match config.get(field) {
        Some(value) if !is_supported(value) => Err(unsupported(config, field, value, supported)),
        _ => Ok(()),
    }
}

pub(super) fn unsupported(
    config: &JsonObject,
    field: &str,
    value: &Value,
    supported: &'static str,
) -> ConfigError {
    ConfigError::Unsupported {
        path: config.path().to_owned(),
        field: config.full_name(field),
        found: crate::checkpoint_files::short(value),
        supported,
    }
}

/// The ids of a field in all files, `generation_config.json` first, each once.
fn all_ids(
    config: &[&JsonObject],
    generation: Option<&JsonObject>,
    field: &str,
) -> Result<Vec<u32>, ConfigError> {
    let mut ids = Vec::new();
    for file in generation.into_iter().chain(config.iter().copied()) {
        for id in token_ids(file, field)? {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    Ok(ids)
}

/// The first id of a field, `config.json` first.
fn first_id(
    config: &[&JsonObject],
    generation: Option<&JsonObject>,
    field: &str,
) -> Result<Option<u32>, ConfigError> {
    for file in config.iter().copied().chain(generation) {
        if let Some(id) = token_ids(file, field)?.first() {
            return Ok(Some(*id));
        }
    }
    Ok(None)
}

fn token_ids(file: &JsonObject, field: &str) -> Result<Vec<u32>, ConfigError> {
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    let ids = file.typed(field, "a token id or a list of them", |value| match value {
        Value::Array(values) => values.iter().map(id).collect(),
        // Some files write -1 for "none".
        Value::Number(number) if number.as_i64() == Some(-1) => Some(Vec::new()),
        other => Some(vec![id(other)?]),
    })?;
    Ok(ids.unwrap_or_default())
}
