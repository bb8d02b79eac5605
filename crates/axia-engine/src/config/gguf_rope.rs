//! The rotary position embedding in GGUF metadata and tensors.

use super::from_gguf::Keys;
use super::{ConfigError, LongRope, Rope, RopeScaling, Yarn};
use crate::checkpoint_files::{CheckpointError, RawTensor};
use crate::gguf::GgufFile;

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
