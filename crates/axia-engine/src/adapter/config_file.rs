//! Reads and writes `adapter_config.json`.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{AdapterError, LoraConfig, TargetModules};
use crate::checkpoint_files::{JsonObject, short};

/// What PEFT assumes where the file is silent.
const DEFAULT_RANK: usize = 8;
const DEFAULT_ALPHA: f64 = 8.0;
/// No real adapter has a higher rank.
const HIGHEST_RANK: usize = 1 << 16;

/// Options that are read, or change nothing about a trained adapter.
const UNDERSTOOD: [&str; 24] = [
    "alpha_pattern",
    "auto_mapping",
    "base_model_name_or_path",
    "bias",
    "ensure_weight_tying",
    "eva_config",
    "fan_in_fan_out",
    "inference_mode",
    "init_lora_weights",
    "lora_alpha",
    "lora_dropout",
    "lora_ga_config",
    "megatron_core",
    "peft_type",
    "peft_version",
    "qalora_group_size",
    "r",
    "rank_pattern",
    "revision",
    "runtime_config",
    "target_modules",
    "task_type",
    "use_rslora",
    "loftq_config",
];

impl LoraConfig {
    /// Reads an `adapter_config.json`.
    ///
    /// # Errors
    /// [`AdapterError`] naming the file and the option that is missing, wrong or not supported.
    pub fn read(path: &Path) -> Result<Self, AdapterError> {
        let file = JsonObject::read(path)?;
        refuse_unsupported(&file)?;
        let config = Self {
            base_model: file.str("base_model_name_or_path")?.map(str::to_owned),
            revision: file.str("revision")?.map(str::to_owned),
            r: file.usize("r")?.unwrap_or(DEFAULT_RANK),
            alpha: file.f64("lora_alpha")?.unwrap_or(DEFAULT_ALPHA),
            dropout: file.f64("lora_dropout")?.unwrap_or_default(),
            use_rslora: file.bool("use_rslora")?.unwrap_or(false),
            target_modules: target_modules(&file)?,
            rank_pattern: pattern(&file, "rank_pattern", "ranks by pattern", |value| {
                value.as_u64().and_then(|rank| rank.try_into().ok())
            })?,
            alpha_pattern: pattern(&file, "alpha_pattern", "numbers by pattern", Value::as_f64)?,
        };
        config.check()?;
        Ok(config)
    }

    /// Refuses ranks and factors that make no sense.
    ///
    /// # Errors
    /// [`AdapterError::Absurd`] naming the option.
    pub fn check(&self) -> Result<(), AdapterError> {
        let absurd = |field: String, found: String, problem| {
            Err(AdapterError::Absurd { field, found, problem })
        };
        let ranks = self
            .rank_pattern
            .iter()
            .map(|(pattern, rank)| (format!("rank_pattern.{pattern}"), *rank));
        for (field, rank) in [("r".to_owned(), self.r)].into_iter().chain(ranks) {
            if !(1..=HIGHEST_RANK).contains(&rank) {
                return absurd(field, rank.to_string(), "a rank is 1 to 65536");
            }
        }
        let alphas = self
            .alpha_pattern
            .iter()
            .map(|(pattern, alpha)| (format!("alpha_pattern.{pattern}"), *alpha));
        for (field, alpha) in [("lora_alpha".to_owned(), self.alpha)].into_iter().chain(alphas) {
            if !(alpha.is_finite() && alpha > 0.0) {
                return absurd(field, alpha.to_string(), "it should be a positive number");
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            let found = self.dropout.to_string();
            return absurd("lora_dropout".to_owned(), found, "it is a probability below 1");
        }
        Ok(())
    }

    /// The contents of an `adapter_config.json` that PEFT, vLLM and TRL read. Names are sorted, so that
    /// equal settings give equal bytes.
    pub(super) fn to_json(&self) -> String {
        let target_modules = match &self.target_modules {
            TargetModules::Names(names) => {
                let mut names = names.clone();
                names.sort();
                json!(names)
            }
            TargetModules::Pattern(pattern) => json!(pattern),
            TargetModules::AllLinear => json!("all-linear"),
        };
        let ranks: Map<String, Value> = self
            .rank_pattern
            .iter()
            .map(|(pattern, rank)| (pattern.clone(), json!(rank)))
            .collect();
        let alphas: Map<String, Value> = self
            .alpha_pattern
            .iter()
            .map(|(pattern, alpha)| (pattern.clone(), number(*alpha)))
            .collect();
        let config = json!({
            "alpha_pattern": alphas,
            "base_model_name_or_path": self.base_model,
            "bias": "none",
            "fan_in_fan_out": false,
            "inference_mode": true,
            "init_lora_weights": true,
            "lora_alpha": number(self.alpha),
            "lora_dropout": self.dropout,
            "modules_to_save": null,
            "peft_type": "LORA",
            "r": self.r,
            "rank_pattern": ranks,
            "revision": self.revision,
            "target_modules": target_modules,
            "task_type": "CAUSAL_LM",
            "use_dora": false,
            "use_rslora": self.use_rslora,
        });
        format!("{config:#}\n")
    }
}

/// Whole numbers without a point: some readers insist on an integer alpha.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

fn target_modules(file: &JsonObject) -> Result<TargetModules, AdapterError> {
    const FIELD: &str = "target_modules";
    let expected = "a list of names, a pattern, or \"all-linear\"";
    let targets = file.typed(FIELD, expected, |value| match value {
        Value::String(text) if text == "all-linear" => Some(TargetModules::AllLinear),
        Value::String(pattern) => Some(TargetModules::Pattern(pattern.clone())),
        Value::Array(names) => names
            .iter()
            .map(|name| name.as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map(TargetModules::Names),
        _ => None,
    })?;
    Ok(targets.ok_or_else(|| file.missing(FIELD))?)
}

fn pattern<T>(
    file: &JsonObject,
    field: &str,
    expected: &'static str,
    convert: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<(String, T)>, AdapterError> {
    let patterns = file.typed(field, expected, |value| {
        value
            .as_object()?
            .iter()
            .map(|(pattern, value)| Some((pattern.clone(), convert(value)?)))
            .collect()
    })?;
    Ok(patterns.unwrap_or_default())
}

fn refuse_unsupported(file: &JsonObject) -> Result<(), AdapterError> {
    only(file, "peft_type", "only \"LORA\" is", |value| value == "LORA")?;
    only(file, "task_type", "only \"CAUSAL_LM\" is", |value| value == "CAUSAL_LM")?;
    only(file, "bias", "only \"none\" is", |value| value == "none")?;
    only(file, "fan_in_fan_out", "only false is", |value| value == false)?;
    // These starts change the base model's weights, which the adapter then depends on.
    only(file, "init_lora_weights", "convert the adapter to a plain LoRA first", |value| {
        !changes_base_weights(value)
    })?;
    for (field, value) in file.iter() {
        if !UNDERSTOOD.contains(&field) && is_switched_on(value) {
            let supported = "only plain LoRA and RSLoRA are";
            return Err(unsupported(file, field, value, supported));
        }
    }
    Ok(())
}

fn changes_base_weights(init: &Value) -> bool {
    init.as_str().is_some_and(|name| {
        ["pissa", "olora", "corda", "loftq", "lora_ga"].iter().any(|start| name.starts_with(start))
    })
}

/// Options unknown here are harmless while they are off; plain numbers and texts only configure what
/// something else switches on.
fn is_switched_on(value: &Value) -> bool {
    match value {
        Value::Bool(on) => *on,
        Value::Array(values) => !values.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Null | Value::Number(_) | Value::String(_) => false,
    }
}

fn only(
    file: &JsonObject,
    field: &str,
    supported: &'static str,
    is_supported: impl FnOnce(&Value) -> bool,
) -> Result<(), AdapterError> {
    match file.get(field) {
        Some(value) if !is_supported(value) => Err(unsupported(file, field, value, supported)),
        _ => Ok(()),
    }
}

fn unsupported(
    file: &JsonObject,
    field: &str,
    value: &Value,
    supported: &'static str,
) -> AdapterError {
    AdapterError::Unsupported {
        path: file.path().to_owned(),
        field: field.to_owned(),
        found: short(value),
        supported,
    }
}
