//! Reads and writes `adapter_config.json`.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::lora_config::ALL_LINEAR;
use super::{AdapterError, LayerChoice, LoraConfig, TargetModules};
use crate::checkpoint_files::{JsonObject, short};

/// What PEFT assumes where the file is silent.
const DEFAULT_RANK: usize = 8;
const DEFAULT_ALPHA: f64 = 8.0;
/// No real adapter has a higher rank.
const HIGHEST_RANK: usize = 1 << 16;

/// Options that are read, or change nothing about a trained adapter.
const UNDERSTOOD: [&str; 27] = [
    "alpha_pattern",
    "auto_mapping",
    "base_model_name_or_path",
    "bias",
    "ensure_weight_tying",
    "eva_config",
    "exclude_modules",
    "fan_in_fan_out",
    "inference_mode",
    "layers_pattern",
    "layers_to_transform",
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
            exclude_modules: modules(&file, "exclude_modules")?,
            layers: layers(&file)?,
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
        let lists = self.layers.as_ref().map(|choice| &choice.lists);
        let config = json!({
            "alpha_pattern": alphas,
            "base_model_name_or_path": self.base_model,
            "bias": "none",
            "exclude_modules": self.exclude_modules.as_ref().map(modules_to_json),
            "fan_in_fan_out": false,
            "inference_mode": true,
            "init_lora_weights": true,
            "layers_pattern": lists.filter(|lists| !lists.is_empty()),
            "layers_to_transform": self.layers.as_ref().map(|choice| &choice.blocks),
            "lora_alpha": number(self.alpha),
            "lora_dropout": self.dropout,
            "modules_to_save": null,
            "peft_type": "LORA",
            "r": self.r,
            "rank_pattern": ranks,
            "revision": self.revision,
            "target_modules": modules_to_json(&self.target_modules),
            "task_type": "CAUSAL_LM",
            "use_dora": false,
            "use_rslora": self.use_rslora,
        });
        format!("{config:#}\n")
    }
}

fn modules_to_json(modules: &TargetModules) -> Value {
    match modules {
        TargetModules::Names(names) => {
            let mut names = names.clone();
            names.sort();
            json!(names)
        }
        TargetModules::Pattern(pattern) => json!(pattern),
        TargetModules::AllLinear => json!(ALL_LINEAR),
    }
}

/// Whole numbers without a point: some readers insist on an integer alpha.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

fn target_modules(file: &JsonObject) -> Result<TargetModules, AdapterError> {
    const FIELD: &str = "target_modules";
    let targets = modules(file, FIELD)?.ok_or_else(|| file.missing(FIELD))?;
    Ok(match targets {
        TargetModules::Pattern(text) if text.eq_ignore_ascii_case(ALL_LINEAR) => {
            TargetModules::AllLinear
        }
        targets => targets,
    })
}

/// Modules by name or pattern; an empty list stands for nothing.
fn modules(file: &JsonObject, field: &str) -> Result<Option<TargetModules>, AdapterError> {
    let modules = file.typed(field, "a list of names, or a pattern", |value| match value {
        Value::String(pattern) => Some(TargetModules::Pattern(pattern.clone())),
        names => texts(names).map(TargetModules::Names),
    })?;
    Ok(modules.filter(|modules| *modules != TargetModules::Names(Vec::new())))
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

/// `layers_to_transform` and `layers_pattern`, each one or a list.
fn layers(file: &JsonObject) -> Result<Option<LayerChoice>, AdapterError> {
    const BLOCKS: &str = "layers_to_transform";
    let number = |value: &Value| value.as_u64().and_then(|block| usize::try_from(block).ok());
    let blocks =
        file.typed(BLOCKS, "a block's number, or a list of them", |value| match value {
            Value::Array(blocks) => blocks.iter().map(number).collect(),
            block => Some(vec![number(block)?]),
        })?;
    let Some(blocks) = blocks.filter(|blocks: &Vec<usize>| !blocks.is_empty()) else {
        return Ok(None);
    };
    if let Some(targets @ Value::String(_)) = file.get("target_modules") {
        let found = format!("{} with `target_modules` = {}", json!(blocks), short(targets));
        return Err(AdapterError::Absurd {
            field: BLOCKS.to_owned(),
            found,
            problem: "it goes with a list of names only",
        });
    }
    let lists =
        file.typed("layers_pattern", "a pattern, or a list of them", |value| match value {
            Value::String(pattern) => Some(vec![pattern.clone()]),
            patterns => texts(patterns),
        })?;
    let lists = lists.unwrap_or_default().into_iter().filter(|pattern| !pattern.is_empty());
    Ok(Some(LayerChoice { blocks, lists: lists.collect() }))
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
