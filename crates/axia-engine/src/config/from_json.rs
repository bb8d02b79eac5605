//! Reads a model's shape from a Hugging Face folder.

use std::path::Path;

use serde_json::Value;

use super::{Architecture, ConfigError, ModelConfig, Rope, RopeScaling};
use crate::checkpoint_files::{HfFolder, JsonObject};

/// What transformers' `LlamaConfig` assumes where `config.json` is silent.
mod default {
    pub const RMS_EPS: f64 = 1e-6;
    pub const ROPE_THETA: f64 = 10_000.0;
    pub const MAX_POSITIONS: usize = 2_048;
}

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
    let architecture = architecture(config)?;
    refuse_unsupported(config)?;
    let hidden_size = required(config, "hidden_size")?;
    let heads = required(config, "num_attention_heads")?;
    let model = ModelConfig {
        architecture,
        vocab_size: required(config, "vocab_size")?,
        hidden_size,
        layers: required(config, "num_hidden_layers")?,
        heads,
        kv_heads: config.usize("num_key_value_heads")?.unwrap_or(heads),
        head_dim: head_dim(config, hidden_size, heads)?,
        ffn_size: required(config, "intermediate_size")?,
        rms_eps: config.f64("rms_norm_eps")?.unwrap_or(default::RMS_EPS),
        rope: rope(config)?,
        tied_embeddings: config.bool("tie_word_embeddings")?.unwrap_or(false),
        max_positions: config.usize("max_position_embeddings")?.unwrap_or(default::MAX_POSITIONS),
        bos_id: first_id(config, generation, "bos_token_id")?,
        eos_ids: all_ids(config, generation, "eos_token_id")?,
        pad_id: first_id(config, generation, "pad_token_id")?,
    };
    model.check(config.path())
}

fn required(config: &JsonObject, field: &str) -> Result<usize, ConfigError> {
    Ok(config.usize(field)?.ok_or_else(|| config.missing(field))?)
}

fn head_dim(config: &JsonObject, hidden_size: usize, heads: usize) -> Result<usize, ConfigError> {
    if let Some(head_dim) = config.usize("head_dim")? {
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

/// Options that change what the model computes, and the one value of each that is implemented.
fn refuse_unsupported(config: &JsonObject) -> Result<(), ConfigError> {
    only(config, "hidden_act", "only \"silu\" is", |value| value == "silu")?;
    for field in ["attention_bias", "mlp_bias", "rope_interleaved", "use_sliding_window"] {
        only(config, field, "only false is", |value| value == false)?;
    }
    only(config, "partial_rotary_factor", "only 1 is", |value| value.as_f64() == Some(1.0))?;
    only(
        config,
        "quantization_config",
        "only unquantised safetensors and GGUF are; use the original weights",
        |_| false,
    )?;
    only(config, "layer_types", "only \"full_attention\" everywhere is", |value| {
        value.as_array().is_some_and(|types| types.iter().all(|kind| kind == "full_attention"))
    })
}

fn only(
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

fn unsupported(
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

/// Newer files hold everything in `rope_parameters`, older ones in `rope_theta` and `rope_scaling`.
fn rope(config: &JsonObject) -> Result<Rope, ConfigError> {
    if let Some(parameters) = config.object("rope_parameters")? {
        let theta = match parameters.f64("rope_theta")? {
            Some(theta) => theta,
            None => theta_or_default(config)?,
        };
        only(&parameters, "partial_rotary_factor", "only 1 is", |value| {
            value.as_f64() == Some(1.0)
        })?;
        let scaling = scaling(config, &parameters)?;
        return Ok(Rope { theta, scaling });
    }
    Ok(Rope {
        theta: theta_or_default(config)?,
        scaling: match config.object("rope_scaling")? {
            Some(parameters) => scaling(config, &parameters)?,
            None => RopeScaling::None,
        },
    })
}

fn theta_or_default(config: &JsonObject) -> Result<f64, ConfigError> {
    Ok(config.f64("rope_theta")?.unwrap_or(default::ROPE_THETA))
}

fn scaling(config: &JsonObject, parameters: &JsonObject) -> Result<RopeScaling, ConfigError> {
    let field = if parameters.get("rope_type").is_some() { "rope_type" } else { "type" };
    match parameters.str(field)? {
        Some("default") => Ok(RopeScaling::None),
        Some("linear") => Ok(RopeScaling::Linear { factor: positive(parameters, "factor")? }),
        Some("llama3") => llama3(config, parameters),
        Some(other) => Err(unsupported(
            parameters,
            field,
            &other.into(),
            "\"default\", \"linear\" and \"llama3\" are",
        )),
        None => Err(parameters.missing("rope_type").into()),
    }
}

fn llama3(config: &JsonObject, parameters: &JsonObject) -> Result<RopeScaling, ConfigError> {
    const ORIGINAL: &str = "original_max_position_embeddings";
    let original = match parameters.usize(ORIGINAL)? {
        Some(positions) => Some(positions),
        None => config.usize(ORIGINAL)?,
    };
    let low_frequency_factor = positive(parameters, "low_freq_factor")?;
    let high_frequency_factor = positive(parameters, "high_freq_factor")?;
    if high_frequency_factor <= low_frequency_factor {
        return Err(ConfigError::Absurd {
            path: config.path().to_owned(),
            field: "high_freq_factor",
            found: high_frequency_factor.to_string(),
            problem: format!("it should be above `low_freq_factor` = {low_frequency_factor}"),
        });
    }
    Ok(RopeScaling::Llama3 {
        factor: positive(parameters, "factor")?,
        low_frequency_factor,
        high_frequency_factor,
        original_max_positions: original.ok_or_else(|| parameters.missing(ORIGINAL))?,
    })
}

fn positive(parameters: &JsonObject, field: &'static str) -> Result<f64, ConfigError> {
    let number = parameters.f64(field)?.ok_or_else(|| parameters.missing(field))?;
    if number.is_finite() && number > 0.0 {
        return Ok(number);
    }
    Err(ConfigError::Absurd {
        path: parameters.path().to_owned(),
        field,
        found: number.to_string(),
        problem: "it should be a positive number".to_owned(),
    })
}

/// The ids of a field in both files, `generation_config.json` first, each once.
fn all_ids(
    config: &JsonObject,
    generation: Option<&JsonObject>,
    field: &str,
) -> Result<Vec<u32>, ConfigError> {
    let mut ids = Vec::new();
    for file in generation.into_iter().chain([config]) {
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
    config: &JsonObject,
    generation: Option<&JsonObject>,
    field: &str,
) -> Result<Option<u32>, ConfigError> {
    for file in [config].into_iter().chain(generation) {
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
