//! The rotary position embedding in `config.json`.

use super::from_json::{only, unsupported};
use super::{Architecture, ConfigError, Rope, RopeScaling};
use crate::checkpoint_files::JsonObject;

/// What transformers assumes for the windowed blocks of Gemma 3.
const LOCAL_THETA: f64 = 10_000.0;

/// The rotary embedding of a model, or of its full blocks where windowed ones have their own.
///
/// Newer files hold everything in `rope_parameters` (Gemma 3: per kind of block), older ones in
/// `rope_theta` and `rope_scaling`.
pub(super) fn rope(config: &JsonObject, architecture: Architecture) -> Result<Rope, ConfigError> {
    let parameters = match architecture {
        Architecture::Gemma3 => per_kind(config, "full_attention")?,
        _ => config.object("rope_parameters")?,
    };
    // What is missing in the newer field is looked for in the older ones, as transformers does.
    let theta = parameters.as_ref().map(|parameters| parameters.f64("rope_theta")).transpose()?;
    let theta = match theta.flatten() {
        Some(theta) => theta,
        None => config.f64("rope_theta")?.unwrap_or(default_theta(architecture)),
    };
    let scaling = match parameters.or(config.object("rope_scaling")?) {
        Some(parameters) => scaling(config, &parameters)?,
        None => RopeScaling::None,
    };
    Ok(Rope { theta, scaling })
}

/// The rotary embedding of windowed blocks, if it is another one.
pub(super) fn local_rope(
    config: &JsonObject,
    architecture: Architecture,
) -> Result<Option<Rope>, ConfigError> {
    if architecture != Architecture::Gemma3 {
        return Ok(None);
    }
    let parameters = per_kind(config, "sliding_attention")?;
    let theta = match &parameters {
        Some(parameters) => positive_or_none(parameters, "rope_theta")?,
        None => None,
    };
    let theta = match theta {
        Some(theta) => theta,
        None => positive_or_none(config, "rope_local_base_freq")?.unwrap_or(LOCAL_THETA),
    };
    let scaling = match parameters {
        Some(parameters) => scaling(config, &parameters)?,
        None => RopeScaling::None,
    };
    Ok(Some(Rope { theta, scaling }))
}

/// The `rope_parameters` of one kind of block.
fn per_kind(config: &JsonObject, kind: &str) -> Result<Option<JsonObject>, ConfigError> {
    match config.object("rope_parameters")? {
        Some(parameters) => Ok(parameters.object(kind)?),
        None => Ok(None),
    }
}

fn default_theta(architecture: Architecture) -> f64 {
    match architecture {
        Architecture::SmolLm3 => 2_000_000.0,
        Architecture::Gemma3 => 1_000_000.0,
        _ => 10_000.0,
    }
}

fn scaling(config: &JsonObject, parameters: &JsonObject) -> Result<RopeScaling, ConfigError> {
    only(parameters, "partial_rotary_factor", "only 1 is", |value| value.as_f64() == Some(1.0))?;
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
        // With nothing but a base there is nothing to scale by.
        None if parameters.iter().all(|(name, _)| name == "rope_theta") => Ok(RopeScaling::None),
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
    Ok(positive_or_none(parameters, field)?.ok_or_else(|| parameters.missing(field))?)
}

/// A number above zero, or `None` where there is none.
pub(super) fn positive_or_none(
    parameters: &JsonObject,
    field: &'static str,
) -> Result<Option<f64>, ConfigError> {
    let Some(number) = parameters.f64(field)? else {
        return Ok(None);
    };
    if number.is_finite() && number > 0.0 {
        return Ok(Some(number));
    }
    Err(ConfigError::Absurd {
        path: parameters.path().to_owned(),
        field,
        found: number.to_string(),
        problem: "it should be a positive number".to_owned(),
    })
}
