//! What GGUF metadata and tensors say of where a model differs from Llama.
//!
//! Converters leave much unsaid that llama.cpp knows by architecture; the defaults are its own.

use super::from_gguf::Keys;
use super::{
    Activation, Architecture, Biases, ConfigError, ModelConfig, Options, Rope, RopeScaling,
};
use crate::gguf::{GgufFile, MetadataArray, MetadataValue};

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
