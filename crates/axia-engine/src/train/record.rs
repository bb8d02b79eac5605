//! What a training run reports.

use serde::{Deserialize, Serialize};

/// One optimiser step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Number of the step, from 1.
    pub step: usize,
    /// Epoch it belongs to, from 0.
    pub epoch: usize,
    /// Mean loss over completions' tokens (`−log p`) and soft labels (cross-entropy), before the
    /// step was taken.
    pub loss: f64,
    /// Mean Kullback–Leibler divergence from the base in nats a token over this step's plain text,
    /// where one was read. It is not in the loss above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language_kl: Option<f64>,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Learning rate.
    pub lr: f64,
    /// Rows.
    pub rows: usize,
    /// Tokens of the rows, prompts and continuations.
    pub tokens: usize,
    /// Tokens computed once shared prefixes are merged.
    pub unique_tokens: usize,
    /// Wall time in seconds.
    pub seconds: f64,
}

/// One look at the validation rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ValidationRecord {
    /// Steps taken before.
    pub step: usize,
    /// Epochs begun before, the last one possibly cut short by the limit of steps.
    pub epoch: usize,
    /// Mean loss, as of a step.
    pub loss: f64,
    /// Whether this is the best so far by the early-stopping threshold.
    pub improved: bool,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// All steps were taken.
    Finished,
    /// The validation loss stopped falling.
    EarlyStopping,
    /// Every label is what the model says anyway, so that no step would change it: none was taken.
    NothingToLearn,
}

/// The course of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Every step.
    pub steps: Vec<StepRecord>,
    /// Every validation.
    pub validations: Vec<ValidationRecord>,
}
