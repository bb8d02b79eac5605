//! What a `config.json` says of where its model differs from Llama.

use serde_json::Value;

use super::from_json::{only, unsupported};
use super::json_rope::positive_or_none;
use super::{Activation, Architecture, Biases, ConfigError, Options};
use crate::checkpoint_files::JsonObject;

/// Reads what `architecture` has of options, each with the default that transformers gives it.
/// [`Options::local_rope`] is left out.
pub(super) fn options(
    config: &JsonObject,
    architecture: Architecture,
    (layers, hidden_size): (usize, usize),
) -> Result<Options, ConfigError> {
    refuse_unsupported(config, architecture)?;
    let gemma = architecture.is_gemma();
    let without_rope = without_rope(config, architecture, layers)?;
    let window = window(config, architecture)?;
    Ok(Options {
        activation: activation(config, gemma)?,
        biases: biases(config, architecture)?,
        qk_norm: architecture.has_qk_norm(),
        post_norms: gemma,
        norm_offset: if gemma { 1.0 } else { 0.0 },
        embedding_scale: match gemma {
            true => Some((hidden_size as f64).sqrt()),
            false => None,
        },
        attention_scale: match gemma {
            true => {
                let scalar = positive_or_none(config, "query_pre_attn_scalar")?;
                Some(scalar.unwrap_or(256.0).powf(-0.5))
            }
            false => None,
        },
        // Gemma 3 has no soft-capping of attention, whatever its file says: transformers ignores it.
        attention_softcap: match architecture {
            Architecture::Gemma2 => cap(config, "attn_logit_softcapping", Some(50.0))?,
            _ => None,
        },
        logit_softcap: match architecture {
            Architecture::Gemma2 => cap(config, "final_logit_softcapping", Some(30.0))?,
            Architecture::Gemma3 => cap(config, "final_logit_softcapping", None)?,
            _ => None,
        },
        windowed: windowed(config, architecture, layers, window, &without_rope)?,
        window,
        local_rope: None,
        rotary_width: None,
        with_images: false,
        without_rope,
    })
}

/// Options that change what the model computes and are not read, with the one value that is fine.
fn refuse_unsupported(config: &JsonObject, architecture: Architecture) -> Result<(), ConfigError> {
    use Architecture::{Gemma2, Gemma3, Llama, Mistral, Qwen2, Qwen3, SmolLm3};
    let read_elsewhere: [(&str, &[Architecture]); 5] = [
        ("rope_interleaved", &[]),
        ("use_bidirectional_attention", &[]),
        // Qwen2 has the biases of its queries, keys and values whatever is said here.
        ("attention_bias", &[Llama, Qwen2, Qwen3, SmolLm3, Gemma2, Gemma3]),
        ("mlp_bias", &[Llama, SmolLm3]),
        ("use_sliding_window", &[Qwen2, Qwen3, SmolLm3]),
    ];
    for (field, _) in read_elsewhere.iter().filter(|(_, read)| !read.contains(&architecture)) {
        only(config, field, "only false is", |value| value == false)?;
    }
    only(
        config,
        "quantization_config",
        "only unquantised safetensors and GGUF are; use the original weights",
        |_| false,
    )?;
    let uniform = |kind: &'static str| {
        move |value: &Value| {
            value.as_array().is_some_and(|kinds| kinds.iter().all(|found| found == kind))
        }
    };
    match architecture {
        Llama => {
            only(config, "layer_types", "only \"full_attention\" everywhere is", uniform(FULL))
        }
        Mistral if window(config, Mistral)?.is_some() => {
            let supported = "with `sliding_window`, only \"sliding_attention\" everywhere is";
            only(config, "layer_types", supported, uniform(SLIDING))
        }
        Mistral => {
            let supported = "without `sliding_window`, only \"full_attention\" everywhere is";
            only(config, "layer_types", supported, uniform(FULL))
        }
        _ => Ok(()),
    }
}

fn activation(config: &JsonObject, gemma: bool) -> Result<Activation, ConfigError> {
    let (field, assumed) = match gemma {
        true => ("hidden_activation", Activation::GeluTanh),
        false => ("hidden_act", Activation::Silu),
    };
    match config.str(field)? {
        None => Ok(assumed),
        Some("silu" | "swish") => Ok(Activation::Silu),
        Some("gelu_pytorch_tanh" | "gelu_new" | "gelu_fast") => Ok(Activation::GeluTanh),
        Some("gelu" | "gelu_python") => Ok(Activation::Gelu),
        Some("relu") => Ok(Activation::Relu),
        Some(other) => Err(unsupported(
            config,
            field,
            &other.into(),
            "\"silu\", \"gelu\", \"gelu_pytorch_tanh\" and \"relu\" are",
        )),
    }
}

fn biases(config: &JsonObject, architecture: Architecture) -> Result<Biases, ConfigError> {
    let flag = |field| config.bool(field).map(|flag| flag.unwrap_or(false));
    Ok(match architecture {
        Architecture::Qwen2 => Biases { qkv: true, ..Biases::default() },
        Architecture::Mistral => Biases::default(),
        _ => {
            let attention = flag("attention_bias")?;
            let mlp = flag("mlp_bias")?;
            Biases { qkv: attention, attention_output: attention, mlp }
        }
    })
}

/// A cap whose absence means `assumed` and whose `null` means none.
fn cap(
    config: &JsonObject,
    field: &'static str,
    assumed: Option<f64>,
) -> Result<Option<f64>, ConfigError> {
    if config.is_null(field) {
        return Ok(None);
    }
    Ok(positive_or_none(config, field)?.or(assumed))
}

/// The size of the sliding window, if the model has windows at all.
fn window(config: &JsonObject, architecture: Architecture) -> Result<Option<usize>, ConfigError> {
    const FIELD: &str = "sliding_window";
    let has_windows = match architecture {
        Architecture::Llama => false,
        Architecture::Qwen2 | Architecture::Qwen3 => {
            config.bool("use_sliding_window")?.unwrap_or(false)
        }
        _ => true,
    };
    if !has_windows || config.is_null(FIELD) {
        return Ok(None);
    }
    let assumed = (architecture != Architecture::SmolLm3).then_some(4096);
    let window = config.usize(FIELD)?.or(assumed);
    if window == Some(0) {
        return Err(ConfigError::Absurd {
            path: config.path().to_owned(),
            field: FIELD,
            found: "0".to_owned(),
            problem: "a token sees at least itself".to_owned(),
        });
    }
    Ok(window)
}

const FULL: &str = "full_attention";
const SLIDING: &str = "sliding_attention";

/// Which blocks are windowed: as `layer_types` says, else by the rule of the kind.
fn windowed(
    config: &JsonObject,
    architecture: Architecture,
    layers: usize,
    window: Option<usize>,
    without_rope: &[bool],
) -> Result<Vec<bool>, ConfigError> {
    let by_rule = |rule: &dyn Fn(usize) -> bool| (0..layers).map(rule).collect();
    let windowed: Vec<bool> = match (architecture, config.strings("layer_types")?) {
        (Architecture::Llama, _) => Vec::new(),
        (Architecture::Mistral, _) => by_rule(&|_| window.is_some()),
        (_, Some(kinds)) => listed(config, &kinds, layers)?,
        (Architecture::Qwen2 | Architecture::Qwen3, None) => {
            let first = config.usize("max_window_layers")?.unwrap_or(28);
            by_rule(&|block| window.is_some() && block >= first)
        }
        (Architecture::SmolLm3, None) => {
            let used = config.bool("use_sliding_window")?.unwrap_or(false) && window.is_some();
            by_rule(&|block| used && without_rope.get(block) == Some(&true))
        }
        (Architecture::Gemma2, None) => by_rule(&|block| block % 2 == 0),
        (Architecture::Gemma3, None) => {
            let period = period(config, "sliding_window_pattern", 6)?;
            by_rule(&|block| !(block + 1).is_multiple_of(period))
        }
    };
    if window.is_none() && windowed.contains(&true) {
        return Err(config.missing("sliding_window").into());
    }
    Ok(windowed)
}

fn listed(config: &JsonObject, kinds: &[&str], layers: usize) -> Result<Vec<bool>, ConfigError> {
    const FIELD: &str = "layer_types";
    if kinds.len() != layers {
        return Err(wrong_length(config, FIELD, kinds.len(), layers));
    }
    kinds
        .iter()
        .map(|kind| match *kind {
            FULL => Ok(false),
            SLIDING => Ok(true),
            other => Err(unsupported(
                config,
                FIELD,
                &other.into(),
                "\"full_attention\" and \"sliding_attention\" are",
            )),
        })
        .collect()
}

/// Which blocks go without rotary embedding.
fn without_rope(
    config: &JsonObject,
    architecture: Architecture,
    layers: usize,
) -> Result<Vec<bool>, ConfigError> {
    const FIELD: &str = "no_rope_layers";
    if architecture != Architecture::SmolLm3 {
        return Ok(Vec::new());
    }
    // 1 stands for a block with rotary embedding, the field's name notwithstanding.
    let with = config.typed(FIELD, "a list of 0 and 1", |value| {
        let flags = value.as_array()?.iter();
        flags.map(|flag| flag.as_u64().filter(|flag| *flag < 2).map(|flag| flag == 1)).collect()
    })?;
    let with: Vec<bool> = match with {
        Some(with) => with,
        None => {
            let interval = period(config, "no_rope_layer_interval", 4)?;
            (1..=layers).map(|block| !block.is_multiple_of(interval)).collect()
        }
    };
    if with.len() < layers {
        return Err(wrong_length(config, FIELD, with.len(), layers));
    }
    Ok(with.into_iter().take(layers).map(|with| !with).collect())
}

/// A number of blocks after which a pattern repeats.
fn period(config: &JsonObject, field: &'static str, assumed: usize) -> Result<usize, ConfigError> {
    match config.usize(field)?.unwrap_or(assumed) {
        0 => Err(ConfigError::Absurd {
            path: config.path().to_owned(),
            field,
            found: "0".to_owned(),
            problem: "it should be at least 1".to_owned(),
        }),
        period => Ok(period),
    }
}

fn wrong_length(
    config: &JsonObject,
    field: &'static str,
    found: usize,
    layers: usize,
) -> ConfigError {
    ConfigError::Absurd {
        path: config.path().to_owned(),
        field,
        found: format!("{found} entries"),
        problem: format!("the model has {layers} blocks"),
    }
}
