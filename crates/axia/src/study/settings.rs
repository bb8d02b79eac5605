//! Settings of a study: presets, training, evaluation, and the layers that are adapted.

use super::{Anchors, Pull, RowPlan};
use crate::run::StudyError;
use crate::stage::survey::{Administration, AnswerMode, SAMPLED, VariantPlan};
use axia_engine::lora::{LayerRange, LoraSettings};
use axia_engine::train::{EarlyStopping, Order, Schedule, Softmax};
use axia_values::profile::{BaselineRule, Readout};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A named set of defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Minutes on a laptop: a small adapter trained in many small steps on a sample of the rows, a
    /// third of which are the target's.
    Quick,
    /// The full protocol: rank 256, all 27 ways of asking, ten epochs with early stopping, three
    /// seeds.
    Paper,
}

/// Everything that decides an experiment's numbers, apart from model, survey and targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// LoRA rank.
    pub rank: usize,
    /// LoRA alpha.
    pub alpha: f64,
    /// Layers that are adapted.
    pub layers: Layers,
    /// Peak learning rate.
    pub lr: f64,
    /// Most epochs.
    pub epochs: usize,
    /// Rows per step.
    pub batch_rows: usize,
    /// Order of the rows.
    pub order: Order,
    /// Schedule of the learning rate.
    pub schedule: Schedule,
    /// Part of the steps spent warming up.
    pub warmup: f64,
    /// Largest norm of the gradient.
    pub clip: Option<f64>,
    /// Early stopping.
    pub early_stopping: Option<EarlyStopping>,
    /// What is taught.
    pub anchors: Anchors,
    /// Weight of the Kullback–Leibler divergence from the base on plain text in the loss.
    pub language_kl: f64,
    /// Largest rise of the perplexity that a steered adapter may cost, as a share of the base's; its
    /// scale is chosen accordingly. `None` leaves adapters as they were trained.
    pub language_budget: Option<f64>,
    /// Which rows are trained on.
    pub train_rows: RowPlan,
    /// Ways of asking for the baseline.
    pub baseline_variants: VariantPlan,
    /// Ways of asking in validation.
    pub validation_variants: VariantPlan,
    /// Ways of asking in evaluation.
    pub test_variants: VariantPlan,
    /// How the answers for the baseline are obtained.
    pub baseline: AnswerMode,
    /// How they become an item's baseline rating.
    pub baseline_rule: BaselineRule,
    /// How ratings are read out in evaluation.
    pub readout: Readout,
    /// Whether questions are put in the model's chat format.
    pub chat: bool,
    /// Seeds of adapters and row order; one pair of control and steered adapters each.
    pub seeds: Vec<u64>,
    /// Most items per split, spread over the survey; for trying things out.
    pub limit: Option<usize>,
    /// Bootstrap resamples.
    pub resamples: usize,
}

impl Settings {
    /// The defaults of a preset.
    pub fn preset(preset: Preset) -> Self {
        let paper = Self {
            rank: 256,
            alpha: 512.0,
            layers: Layers::All,
            lr: 1e-4,
            epochs: 10,
            batch_rows: 108,
            order: Order::Grouped,
            schedule: Schedule::Linear,
            warmup: 0.15,
            clip: Some(1.0),
            early_stopping: Some(EarlyStopping { patience: 2, threshold: 0.01 }),
            anchors: Anchors::Hard,
            language_kl: 0.0,
            language_budget: None,
            train_rows: RowPlan::All,
            baseline_variants: VariantPlan::All,
            validation_variants: VariantPlan::All,
            test_variants: VariantPlan::All,
            baseline: SAMPLED,
            baseline_rule: BaselineRule::Majority,
            readout: Readout::Expected,
            chat: false,
            seeds: vec![0, 1, 2],
            limit: None,
            resamples: 2000,
        };
        match preset {
            Preset::Paper => paper,
            Preset::Quick => Self {
                rank: 4,
                alpha: 8.0,
                layers: Layers::Top(40),
                lr: 1.5e-3,
                schedule: Schedule::Constant,
                warmup: 0.0,
                epochs: 1,
                batch_rows: 9,
                order: Order::File,
                early_stopping: None,
                language_budget: Some(0.1),
                anchors: Anchors::Soft { softmax: Softmax::Candidates, pull: Pull::Tilt(2.0) },
                train_rows: RowPlan::sampled(1080),
                baseline_variants: VariantPlan::Rotating(9),
                validation_variants: VariantPlan::Rotating(1),
                test_variants: VariantPlan::Rotating(3),
                baseline: AnswerMode::Scored,
                baseline_rule: BaselineRule::DimensionMean,
                seeds: vec![0],
                ..paper
            },
        }
    }

    /// How rows are asked in evaluation.
    pub fn evaluation(&self) -> Administration {
        let mode = match self.readout {
            Readout::Expected | Readout::Argmax => AnswerMode::Scored,
            Readout::Sampled => SAMPLED,
        };
        Administration { chat: self.chat, mode }
    }

    /// The shape of adapters on a model with `layers` layers.
    pub fn lora(&self, layers: usize) -> LoraSettings {
        LoraSettings {
            rank: self.rank,
            alpha: self.alpha,
            layers: self.layers.of(layers),
            ..LoraSettings::default()
        }
    }

    /// Rejects settings that make no sense before anything is computed.
    ///
    /// # Errors
    /// [`StudyError::Setting`] naming the setting.
    pub fn check(&self) -> Result<(), StudyError> {
        let wrong = |what: &str| Err(StudyError::Setting(what.to_owned()));
        let mut seeds = self.seeds.clone();
        seeds.sort_unstable();
        seeds.dedup();
        if self.rank == 0 {
            return wrong("the LoRA rank must be at least 1");
        }
        if !(self.alpha.is_finite() && self.alpha > 0.0) {
            return wrong("LoRA alpha must be a positive number");
        }
        if self.seeds.is_empty() || seeds.len() != self.seeds.len() {
            return wrong("give at least one seed, and each only once");
        }
        if !(self.lr.is_finite() && self.lr > 0.0) {
            return wrong("the learning rate must be a positive number");
        }
        if !(self.language_kl.is_finite() && self.language_kl >= 0.0) {
            return wrong("the weight of the divergence (--language-kl) must be at least 0");
        }
        if !(0.0..1.0).contains(&self.warmup) {
            return wrong("the warm-up must be at least 0 and below 1");
        }
        if self.batch_rows == 0 {
            return wrong("the batch size must be at least 1 row");
        }
        if self.epochs == 0 {
            return wrong("the number of epochs must be at least 1");
        }
        if let Anchors::Soft { pull: Pull::Tilt(slope), .. } = self.anchors
            && !(slope.is_finite() && slope > 0.0)
        {
            return wrong("the tilt must be a positive number");
        }
        if matches!(self.train_rows, RowPlan::Sampled { rows: 0, .. }) {
            return wrong("--rows must be at least 1");
        }
        if let RowPlan::Sampled { target_share, .. } = self.train_rows
            && !(target_share > 0.0 && target_share <= 1.0)
        {
            return wrong("the target's share of the rows must be above 0 and at most 1");
        }
        if self.limit == Some(0) {
            return wrong("the limit must be at least 1 item per split");
        }
        Ok(())
    }

    /// The settings as text, for people.
    pub fn describe(&self) -> Vec<(String, String)> {
        let json = serde_json::to_value(self).unwrap_or_default();
        let entries = json.as_object().into_iter().flatten();
        entries.map(|(key, value)| (key.replace('_', " "), plain(value))).collect()
    }
}

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => "none".to_owned(),
        serde_json::Value::Object(fields) => {
            let parts = fields.iter().map(|(k, v)| format!("{} {}", k.replace('_', " "), plain(v)));
            parts.collect::<Vec<_>>().join(", ")
        }
        serde_json::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Layers to adapt, whatever the model's depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Layers {
    /// All of them.
    All,
    /// The uppermost, in percent of all: they act on what the lower ones made of a text, at less cost in
    /// language and time.
    Top(u8),
    /// These.
    Range(LayerRange),
}

impl Layers {
    /// The layers of a model with `layers` layers in all; `None` for all of them.
    pub fn of(self, layers: usize) -> Option<LayerRange> {
        match self {
            Self::All => None,
            Self::Top(percent) => {
                let count = (layers * usize::from(percent)).div_ceil(100).clamp(1, layers.max(1));
                LayerRange::new(layers.saturating_sub(count), layers.saturating_sub(1))
            }
            Self::Range(range) => Some(range),
        }
    }
}

impl FromStr for Layers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        let percent = text.strip_prefix("top-").and_then(|rest| rest.strip_suffix('%'));
        let percent = percent.and_then(|number| number.parse().ok());
        let top = percent.filter(|percent| (1..=100).contains(percent)).map(Self::Top);
        top.or_else(|| text.parse().ok().map(Self::Range)).ok_or_else(|| {
            format!("`{text}` may be all, a share such as top-40%, or a range such as 18-29")
        })
    }
}

impl TryFrom<String> for Layers {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Layers> for String {
    fn from(layers: Layers) -> Self {
        layers.to_string()
    }
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Top(percent) => write!(f, "top-{percent}%"),
            Self::Range(range) => write!(f, "{range}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_models_depth() {
        let top = |percent, layers| Layers::Top(percent).of(layers).unwrap().to_string();
        assert_eq!(top(40, 30), "18-29");
        assert_eq!(top(40, 28), "16-27");
        assert_eq!(top(1, 3), "2-2");
        assert_eq!(top(100, 3), "0-2");
        assert_eq!(Layers::All.of(30), None);
    }

    #[test]
    fn layers_are_read_as_they_are_written() {
        for text in ["all", "top-40%", "18-29"] {
            assert_eq!(text.parse::<Layers>().unwrap().to_string(), text);
        }
        for wrong in ["", "top", "top-0%", "top-101%", "40%", "29-18", "none"] {
            let error = wrong.parse::<Layers>().unwrap_err();
            assert!(error.contains("top-40%"), "{error}");
        }
    }
}
