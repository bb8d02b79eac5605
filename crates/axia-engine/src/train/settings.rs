//! Settings of a training run.

use super::{Order, Schedule};
use crate::error::EngineError;
use serde::{Deserialize, Serialize};

/// Settings of AdamW.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Optimizer {
    /// Peak learning rate.
    pub lr: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
}

impl Default for Optimizer {
    fn default() -> Self {
        Self { lr: 1e-4, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 }
    }
}

/// When to stop before the last epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EarlyStopping {
    /// Epochs without improvement that are tolerated.
    pub patience: usize,
    /// Least fall of the validation loss that counts as improvement.
    pub threshold: f64,
}

/// Settings of a training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainSettings {
    /// Rows of one forward and backward pass.
    pub batch_rows: usize,
    /// Passes per optimiser step.
    pub accumulation: usize,
    /// Most epochs.
    pub epochs: usize,
    /// Most optimiser steps, if fewer than the epochs have.
    pub max_steps: Option<usize>,
    /// Optimiser.
    pub optimizer: Optimizer,
    /// Schedule of the learning rate.
    pub schedule: Schedule,
    /// Part of all steps spent warming up.
    pub warmup: f64,
    /// Largest norm of the gradient, if it is clipped.
    pub clip: Option<f64>,
    /// Early stopping on the validation loss.
    pub early_stopping: Option<EarlyStopping>,
    /// Order of the rows.
    pub order: Order,
    /// Seed of the order.
    pub seed: u64,
    /// Most distinct tokens computed at once; a batch of more is divided, with the same result.
    pub max_tokens: usize,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            batch_rows: 108,
            accumulation: 1,
            epochs: 1,
            max_steps: None,
            optimizer: Optimizer::default(),
            schedule: Schedule::Linear,
            warmup: 0.15,
            clip: None,
            early_stopping: None,
            order: Order::Grouped,
            seed: 0,
            max_tokens: 4096,
        }
    }
}

impl TrainSettings {
    /// Rows of one optimiser step.
    pub(super) fn step_rows(&self) -> usize {
        self.batch_rows * self.accumulation
    }

    /// Optimiser steps of one epoch over `rows` rows.
    pub fn steps_per_epoch(&self, rows: usize) -> usize {
        rows.div_ceil(self.step_rows())
    }

    /// Optimiser steps of the whole run over `rows` rows.
    pub fn total_steps(&self, rows: usize) -> usize {
        let all = self.epochs * self.steps_per_epoch(rows);
        self.max_steps.map_or(all, |most| most.min(all))
    }

    pub(super) fn check(&self) -> Result<(), EngineError> {
        let wrong =
            |field, found: String, wanted| Err(EngineError::Setting { field, found, wanted });
        let counts = [
            ("the batch size", self.batch_rows),
            ("gradient accumulation", self.accumulation),
            ("the token budget", self.max_tokens),
        ];
        for (field, count) in counts {
            if count == 0 {
                return wrong(field, count.to_string(), "it must be at least 1");
            }
        }
        let o = &self.optimizer;
        let positive = [("the learning rate", o.lr), ("AdamW's epsilon", o.eps)];
        for (field, value) in positive {
            if !(value.is_finite() && value > 0.0) {
                return wrong(field, value.to_string(), "it must be a positive number");
            }
        }
        let parts =
            [("AdamW's beta1", o.beta1), ("AdamW's beta2", o.beta2), ("warm-up", self.warmup)];
        for (field, value) in parts {
            if !(0.0..1.0).contains(&value) {
                return wrong(field, value.to_string(), "it must be at least 0 and below 1");
            }
        }
        if !(o.weight_decay.is_finite() && o.weight_decay >= 0.0) {
            return wrong("weight decay", o.weight_decay.to_string(), "it must not be negative");
        }
        Ok(())
    }
}
