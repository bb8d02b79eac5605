//! The rotary position embedding in GGUF metadata and tensors.

use super::from_gguf::Keys;
use super::{
    Activation, Architecture, Biases, ConfigError, LongRope, ModelConfig, Options, Rope,
    RopeScaling, Yarn,
};
use crate::checkpoint_files::{CheckpointError, RawTensor};
use crate::gguf::{GgufFile, MetadataArray, MetadataValue};

/// What llama.cpp assumes where the metadata are silent.
const DEFAULT_THETA: f64 = 10_000.0;
const TYPE: &str = "rope.scaling.type";
const FACTOR: &str = "rope.scaling.factor";

/// The rotary embedding of a model that turns `width` dimensions of its heads.
pub(super) fn rope(file: &GgufFile, keys: &Keys<'_>, width: usize) -> Result<Rope, ConfigError> {
    let told = scaling(file, keys, width)?;
    let scaling = match (divisors(file, "rope_freqs.weight", width)?, told) {
        (None, told) => told,
        (Some(divisors), RopeScaling::None) => RopeScaling::Divisors(divisors),
        (Some(_), _) => {
            let found = keys.metadata.str(&keys.full(TYPE))?.unwrap_or_default();
            let supported = "beside the tensor `rope_freqs.weight` only \"none\" is";
            return Err(keys.unsupported(TYPE, format!("{found:?}"), supported));
        }
    };
    Ok(Rope { theta: keys.f64("rope.freq_base")?.unwrap_or(DEFAULT_THETA), scaling })
}

fn scaling(file: &GgufFile, keys: &Keys<'_>, width: usize) -> Result<RopeScaling, ConfigError> {
    match keys.metadata.str(&keys.full(TYPE))? {
        None | Some("none") => Ok(RopeScaling::None),
        Some("linear") => Ok(RopeScaling::Linear { factor: factor(keys)? }),
        Some("yarn") => yarn(keys),
        Some("longrope") => longrope(file, keys, width),
        Some(other) => {
            let supported = "\"none\", \"linear\", \"yarn\" and \"longrope\" are";
            Err(keys.unsupported(TYPE, format!("{other:?}"), supported))
        }
    }
}

fn factor(keys: &Keys<'_>) -> Result<f64, ConfigError> {
    Ok(keys.positive(FACTOR)?.ok_or_else(|| keys.metadata.missing(&keys.full(FACTOR)))?)
}

fn yarn(keys: &Keys<'_>) -> Result<RopeScaling, ConfigError> {
    // What llama.cpp has of further settings is not that of any model of these kinds.
    for (key, neutral) in
        [("rope.scaling.yarn_ext_factor", 1.0), ("rope.scaling.yarn_log_multiplier", 0.0)]
    {
        if let Some(other) = keys.f64(key)?.filter(|value| *value != neutral) {
            return Err(keys.unsupported(key, other.to_string(), "only the usual value is"));
        }
    }
    let factor = factor(keys)?;
    let attention = ["rope.scaling.attn_factor", "rope.scaling.yarn_attn_factor"]
        .into_iter()
        .map(|key| Ok(keys.positive(key)?.unwrap_or(1.0)))
        .product::<Result<f64, ConfigError>>()?;
    Ok(RopeScaling::Yarn(Yarn {
        factor,
        attention_factor: attention * Yarn::recommended_attention_factor(factor),
        beta_fast: keys.positive("rope.scaling.yarn_beta_fast")?.unwrap_or(32.0),
        beta_slow: keys.positive("rope.scaling.yarn_beta_slow")?.unwrap_or(1.0),
        truncate: true,
        original_max_positions: original_context(keys)?,
    }))
}

fn longrope(file: &GgufFile, keys: &Keys<'_>, width: usize) -> Result<RopeScaling, ConfigError> {
    let factors = |tensor: &'static str| {
        let factors = divisors(file, tensor, width)?.ok_or_else(|| ConfigError::Absurd {
            path: file.path().to_owned(),
            field: TYPE,
            found: "\"longrope\"".to_owned(),
            problem: format!("there is no tensor `{tensor}`"),
        })?;
        Ok::<_, ConfigError>(factors.into_iter().map(f64::from).collect())
    };
    Ok(RopeScaling::LongRope(LongRope {
        short_factors: factors("rope_factors_short.weight")?,
        long_factors: factors("rope_factors_long.weight")?,
        attention_factor: keys.positive("rope.scaling.attn_factor")?.unwrap_or(1.0),
        original_max_positions: original_context(keys)?,
    }))
}

/// The context the model was first trained with: its whole context, if nothing is told.
fn original_context(keys: &Keys<'_>) -> Result<usize, ConfigError> {
    const KEY: &str = "rope.scaling.original_context_length";
    match keys.usize(KEY)? {
        Some(positions) if positions < 2 => {
            Err(keys.unsupported(KEY, positions.to_string(), "only a number of tokens is"))
        }
        Some(positions) => Ok(positions),
        None => keys.required("context_length"),
    }
}

/// A tensor of one divisor for each rotated pair, if the file has it; Llama 3.1's scaling is converted to
/// one.
fn divisors(
    file: &GgufFile,
    tensor: &'static str,
    width: usize,
) -> Result<Option<Vec<f32>>, ConfigError> {
    let Some(raw) = RawTensor::from_gguf(file, tensor) else {
        return Ok(None);
    };
    let divisors = raw
        .map_err(CheckpointError::from)
        .and_then(|raw| raw.to_f32())
        .map_err(|error| ConfigError::Tensor(Box::new(error)))?;
    let sound = divisors.len() == width / 2 && divisors.iter().all(|divisor| *divisor > 0.0);
    if sound {
        return Ok(Some(divisors));
    }
    Err(ConfigError::Absurd {
        path: file.path().to_owned(),
        field: tensor,
        found: format!("{} values", divisors.len()),
        problem: format!("it should be {} positive numbers", width / 2),
    })
}

// What GGUF metadata and tensors say of where a model differs from Llama.
//
// Converters leave much unsaid that llama.cpp knows by architecture; the defaults are its own.

const WINDOW: &str = "attention.sliding_window";
const PATTERN: &str = "attention.sliding_window_pattern";
/// The base of the rotary embedding in Gemma 3's windowed blocks.
const LOCAL_THETA: f64 = 10_000.0;
/// Every fourth block of SmolLM3 goes without rotary embedding.
const SMOLLM3_INTERVAL: usize = 4;

/// Reads the options of `model`, whose sizes have been checked.
pub(super) fn options(
    file: &GgufFile,
    keys: &Keys<'_>,
    model: &ModelConfig,
) -> Result<Options, ConfigError> {
    let architecture = model.architecture;
    let gemma = architecture.is_gemma();
    let window = window(keys, architecture)?;
    let has = |tensor: &str| file.tensor(&format!("blk.0.{tensor}.bias")).is_some();
    Ok(Options {
        activation: if gemma { Activation::GeluTanh } else { Activation::Silu },
        biases: Biases {
            qkv: has("attn_q"),
            attention_output: has("attn_output"),
            mlp: has("ffn_gate"),
        },
        qk_norm: architecture.has_qk_norm(),
        post_norms: gemma,
        // Converters have added Gemma's 1 to the norm weights already.
        norm_offset: 0.0,
        embedding_scale: gemma.then(|| (model.hidden_size as f64).sqrt()),
        attention_scale: attention_scale(keys, model)?,
        attention_softcap: match architecture {
            Architecture::Gemma2 => Some(keys.positive("attn_logit_softcapping")?.unwrap_or(50.0)),
            _ => None,
        },
        logit_softcap: match architecture {
            Architecture::Gemma2 => Some(keys.positive("final_logit_softcapping")?.unwrap_or(30.0)),
            Architecture::Gemma3 => keys.positive("final_logit_softcapping")?,
            _ => None,
        },
        windowed: match window {
            Some(_) => windowed(keys, model)?,
            None => Vec::new(),
        },
        window,
        local_rope: match architecture {
            Architecture::Gemma3 => Some(Rope {
                theta: keys.positive("rope.freq_base_swa")?.unwrap_or(LOCAL_THETA),
                scaling: RopeScaling::None,
            }),
            _ => None,
        },
        rotary_width: None,
        with_images: false,
        without_rope: match architecture {
            Architecture::SmolLm3 => {
                (1..=model.layers).map(|block| block.is_multiple_of(SMOLLM3_INTERVAL)).collect()
            }
            _ => Vec::new(),
        },
    })
}

/// Gemma's `query_pre_attn_scalar`, which the metadata lack: the width of a head, but in the 27B
/// models that of an equal share of the residual stream.
fn attention_scale(keys: &Keys<'_>, model: &ModelConfig) -> Result<Option<f64>, ConfigError> {
    if let Some(scale) = keys.positive("attention.scale")? {
        return Ok(Some(scale));
    }
    let blocks_of_27b = match model.architecture {
        Architecture::Gemma2 => 46,
        Architecture::Gemma3 => 62,
        _ => return Ok(None),
    };
    let share = (model.hidden_size as f64 / model.heads as f64).powf(-0.5);
    Ok((model.layers == blocks_of_27b).then_some(share))
}

fn window(keys: &Keys<'_>, architecture: Architecture) -> Result<Option<usize>, ConfigError> {
    let assumed = (architecture == Architecture::Gemma2).then_some(4096);
    Ok(keys.usize(WINDOW)?.or(assumed).filter(|window| *window > 0))
}

/// Which blocks are windowed: as the metadata say, by number of blocks after which one is not or
/// block by block, else by the rule of the architecture.
fn windowed(keys: &Keys<'_>, model: &ModelConfig) -> Result<Vec<bool>, ConfigError> {
    let layers = model.layers;
    let every = |period: usize| (1..=layers).map(|block| !block.is_multiple_of(period)).collect();
    match (keys.metadata.get(&keys.full(PATTERN)), model.architecture) {
        (Some(MetadataValue::Array(MetadataArray::Bool(windowed))), _) => {
            if windowed.len() < layers {
                let found = format!("{} entries", windowed.len());
                return Err(keys.unsupported(PATTERN, found, "only one for each block is"));
            }
            Ok(windowed.iter().copied().take(layers).collect())
        }
        (Some(_), _) => match keys.usize(PATTERN)? {
            Some(period) if period > 0 => Ok(every(period)),
            _ => Err(keys.unsupported(PATTERN, "0".to_owned(), "only a number of blocks is")),
        },
        (None, Architecture::Gemma2) => Ok(every(2)),
        (None, Architecture::Gemma3) => Ok(every(6)),
        // Mistral, whose files say `llama`.
        (None, Architecture::Llama) => Ok(vec![true; layers]),
        (None, _) => {
            let found = keys.usize(WINDOW)?.unwrap_or_default().to_string();
            Err(keys.unsupported(WINDOW, found, "only with a pattern of blocks is it"))
        }
    }
}
