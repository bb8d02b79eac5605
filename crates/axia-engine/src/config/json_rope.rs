//! The rotary position embedding in `config.json`.

use super::from_json::{only, unsupported};
use super::{Architecture, ConfigError, LongRope, Rope, RopeScaling, Yarn};
use crate::checkpoint_files::JsonObject;

/// What transformers assumes for the windowed blocks of Gemma 3.
const LOCAL_THETA: f64 = 10_000.0;
const ORIGINAL: &str = "original_max_position_embeddings";
const FULL: &str = "full_attention";
const SLIDING: &str = "sliding_attention";
const TYPES: &str = "\"default\", \"linear\", \"dynamic\", \"yarn\", \"longrope\", \"llama3\" and \
                     \"proportional\" are";

/// A `config.json` as far as rotary embeddings are concerned.
pub(super) struct RopeFields<'a> {
    pub config: &'a JsonObject,
    pub architecture: Architecture,
    pub head_dim: usize,
    pub max_positions: usize,
}

impl RopeFields<'_> {
    /// The rotary embedding of the model, or of its full blocks where windowed ones have their own.
    ///
    /// Newer files hold everything in `rope_parameters` (Gemma 3: per kind of block), older ones in
    /// `rope_theta` and `rope_scaling`, which comes first if a file has both, as in transformers.
    pub fn main(&self) -> Result<Rope, ConfigError> {
        let newer = match self.architecture {
            Architecture::Gemma3 => self.per_kind(FULL)?,
            _ => self.config.object("rope_parameters")?,
        };
        let older = self.config.object("rope_scaling")?;
        let older = older.filter(|parameters| parameters.iter().next().is_some());
        // Gemma 3's older scaling is laid over the newer parameters, elsewhere it stands in for them.
        let theta_of = |parameters: &Option<JsonObject>| match parameters {
            Some(parameters) => parameters.f64("rope_theta"),
            None => Ok(None),
        };
        let theta = match (theta_of(&older)?, self.architecture, &older) {
            (None, Architecture::Gemma3, _) | (None, _, None) => theta_of(&newer)?,
            (found, _, _) => found,
        };
        let theta = match theta {
            Some(theta) => theta,
            None => self.config.f64("rope_theta")?.unwrap_or(default_theta(self.architecture)),
        };
        Ok(Rope { theta, scaling: self.scaling(older.or(newer).as_ref())? })
    }

    /// The rotary embedding of windowed blocks, if it is another one.
    pub fn local(&self) -> Result<Option<Rope>, ConfigError> {
        if self.architecture != Architecture::Gemma3 {
            return Ok(None);
        }
        let parameters = self.per_kind(SLIDING)?;
        let theta = match &parameters {
            Some(parameters) => positive_or_none(parameters, "rope_theta")?,
            None => None,
        };
        let theta = match theta {
            Some(theta) => theta,
            None => positive_or_none(self.config, "rope_local_base_freq")?.unwrap_or(LOCAL_THETA),
        };
        Ok(Some(Rope { theta, scaling: self.scaling(parameters.as_ref())? }))
    }

    /// The `rope_parameters` of one kind of block.
    fn per_kind(&self, kind: &str) -> Result<Option<JsonObject>, ConfigError> {
        let Some(parameters) = self.config.object("rope_parameters")? else {
            return Ok(None);
        };
        // transformers would not look at parameters that are told for all blocks alike.
        let all_alike = [FULL, SLIDING].iter().all(|kind| parameters.get(kind).is_none());
        if let Some((field, value)) = parameters.iter().next().filter(|_| all_alike) {
            let supported =
                "this kind of model has \"full_attention\" and \"sliding_attention\" in it";
            return Err(unsupported(&parameters, field, value, supported));
        }
        Ok(parameters.object(kind)?)
    }

    fn scaling(&self, parameters: Option<&JsonObject>) -> Result<RopeScaling, ConfigError> {
        let Some(parameters) = parameters else {
            self.refuse_partial(self.config)?;
            return Ok(RopeScaling::None);
        };
        let field = if parameters.get("rope_type").is_some() { "rope_type" } else { "type" };
        let kind = parameters.str(field)?;
        if kind != Some("proportional") {
            self.refuse_partial(self.config)?;
            self.refuse_partial(parameters)?;
        }
        match kind {
            Some("default") => Ok(RopeScaling::None),
            Some("linear") => Ok(RopeScaling::Linear { factor: positive(parameters, "factor")? }),
            Some("dynamic") => Ok(RopeScaling::Dynamic {
                factor: positive(parameters, "factor")?,
                original_max_positions: self.max_positions,
            }),
            Some("proportional") => self.proportional(parameters),
            Some("llama3") => self.llama3(parameters),
            Some("yarn") => self.yarn(parameters),
            Some("longrope") => self.longrope(parameters),
            Some(other) => Err(unsupported(parameters, field, &other.into(), TYPES)),
            // With nothing but a base there is nothing to scale by.
            None if parameters.iter().all(|(name, _)| name == "rope_theta") => {
                Ok(RopeScaling::None)
            }
            None => Err(parameters.missing("rope_type").into()),
        }
    }

    /// transformers turns whole heads in all these models: elsewhere it ignores the field, or fails.
    fn refuse_partial(&self, parameters: &JsonObject) -> Result<(), ConfigError> {
        const FIELD: &str = "partial_rotary_factor";
        only(parameters, FIELD, "only 1 is in this kind of model", |value| {
            value.as_f64() == Some(1.0)
        })
    }

    fn proportional(&self, parameters: &JsonObject) -> Result<RopeScaling, ConfigError> {
        const FIELD: &str = "partial_rotary_factor";
        let share = match positive_or_none(parameters, FIELD)? {
            Some(share) => share,
            None => positive_or_none(self.config, FIELD)?.unwrap_or(1.0),
        };
        if share > 1.0 {
            let problem = "it should be at most 1".to_owned();
            return Err(absurd(parameters, FIELD, share.to_string(), problem));
        }
        let factor = positive_or_none(parameters, "factor")?.unwrap_or(1.0);
        Ok(RopeScaling::Proportional { share, factor })
    }

    fn llama3(&self, parameters: &JsonObject) -> Result<RopeScaling, ConfigError> {
        let low_frequency_factor = positive(parameters, "low_freq_factor")?;
        let high_frequency_factor = positive(parameters, "high_freq_factor")?;
        if high_frequency_factor <= low_frequency_factor {
            return Err(absurd(
                parameters,
                "high_freq_factor",
                high_frequency_factor.to_string(),
                format!("it should be above `low_freq_factor` = {low_frequency_factor}"),
            ));
        }
        Ok(RopeScaling::Llama3 {
            factor: positive(parameters, "factor")?,
            low_frequency_factor,
            high_frequency_factor,
            original_max_positions: self.original_max_positions(parameters)?,
        })
    }

    fn yarn(&self, parameters: &JsonObject) -> Result<RopeScaling, ConfigError> {
        let original_max_positions = self.original_max_positions(parameters)?;
        let factor = match positive_or_none(parameters, "factor")? {
            Some(factor) => factor,
            None => self.max_positions as f64 / original_max_positions as f64,
        };
        let scale = |field| Ok::<_, ConfigError>(parameters.f64(field)?.filter(|n| *n != 0.0));
        let (mscale, all_dim) = (scale("mscale")?, scale("mscale_all_dim")?);
        let told = positive_or_none(parameters, "attention_factor")?;
        let attention_factor = match (told, mscale.zip(all_dim)) {
            (Some(told), _) => told,
            (None, Some((mscale, all_dim))) => {
                Yarn::attention_factor_of(factor, mscale)
                    / Yarn::attention_factor_of(factor, all_dim)
            }
            (None, None) => Yarn::recommended_attention_factor(factor),
        };
        let truncate = match self.architecture {
            // Here transformers looks beside the parameters of the kinds of blocks, not in them.
            Architecture::Gemma3 => match self.config.object("rope_parameters")? {
                Some(outer) => outer.bool("truncate")?,
                None => None,
            },
            _ => parameters.bool("truncate")?,
        };
        Ok(RopeScaling::Yarn(Yarn {
            factor,
            attention_factor,
            beta_fast: positive_or_none(parameters, "beta_fast")?.unwrap_or(32.0),
            beta_slow: positive_or_none(parameters, "beta_slow")?.unwrap_or(1.0),
            truncate: truncate.unwrap_or(true),
            original_max_positions,
        }))
    }

    fn longrope(&self, parameters: &JsonObject) -> Result<RopeScaling, ConfigError> {
        let original_max_positions = self.original_max_positions(parameters)?;
        let factor = match positive_or_none(parameters, "factor")? {
            Some(factor) => factor,
            None => self.max_positions as f64 / original_max_positions as f64,
        };
        let attention_factor = match positive_or_none(parameters, "attention_factor")? {
            Some(attention_factor) => attention_factor,
            None => LongRope::recommended_attention_factor(factor, original_max_positions),
        };
        Ok(RopeScaling::LongRope(LongRope {
            short_factors: self.divisors(parameters, "short_factor")?,
            long_factors: self.divisors(parameters, "long_factor")?,
            attention_factor,
            original_max_positions,
        }))
    }

    /// A positive number for each pair of a head's dimensions.
    fn divisors(
        &self,
        parameters: &JsonObject,
        field: &'static str,
    ) -> Result<Vec<f64>, ConfigError> {
        let divisors = parameters.typed(field, "a list of positive numbers", |value| {
            let positive = |number: &f64| number.is_finite() && *number > 0.0;
            value
                .as_array()?
                .iter()
                .map(|n| n.as_f64().filter(positive))
                .collect::<Option<Vec<_>>>()
        })?;
        let divisors = divisors.ok_or_else(|| parameters.missing(field))?;
        if divisors.len() == self.head_dim / 2 {
            return Ok(divisors);
        }
        let problem = format!("heads of {} dimensions have {}", self.head_dim, self.head_dim / 2);
        Err(absurd(parameters, field, format!("{} numbers", divisors.len()), problem))
    }

    /// Where it is told beside the parameters, that is what counts; it is the whole context where it is
    /// not told.
    fn original_max_positions(&self, parameters: &JsonObject) -> Result<usize, ConfigError> {
        let beside = match self.architecture {
            Architecture::Gemma3 => None,
            _ => self.config.usize(ORIGINAL)?,
        };
        let original = match beside {
            Some(positions) => positions,
            None => parameters.usize(ORIGINAL)?.unwrap_or(self.max_positions),
        };
        match original {
            0 | 1 => {
                let problem = "it should be at least 2".to_owned();
                Err(absurd(parameters, ORIGINAL, original.to_string(), problem))
            }
            _ => Ok(original),
        }
    }
}

fn default_theta(architecture: Architecture) -> f64 {
    match architecture {
        Architecture::SmolLm3 => 2_000_000.0,
        Architecture::Gemma3 => 1_000_000.0,
        _ => 10_000.0,
    }
}

fn absurd(
    parameters: &JsonObject,
    field: &'static str,
    found: String,
    problem: String,
) -> ConfigError {
    ConfigError::Absurd { path: parameters.path().to_owned(), field, found, problem }
}

fn positive(parameters: &JsonObject, field: &'static str) -> Result<f64, ConfigError> {
    Ok(positive_or_none(parameters, field)?.ok_or_else(|| parameters.missing(field))?)
}

/// A number above zero, or `None` where there is none.
pub(super) fn positive_or_none(
    parameters: &JsonObject,
    field: &'static str,
) -> Result<Option<f64>, ConfigError> {
    match parameters.f64(field)? {
        Some(number) if !(number.is_finite() && number > 0.0) => {
            let problem = "it should be a positive number".to_owned();
            Err(absurd(parameters, field, number.to_string(), problem))
        }
        number => Ok(number),
    }
}
