//! Settings of a training run: optimizer, learning-rate schedule, order of the rows.

use super::{TrainData, TrainRow};
use crate::decoder::{Keep, TokensPerStep};
use crate::error::EngineError;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt::Display;

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
    /// The run ends after this many validations in a row without improvement; at least 1.
    pub patience: usize,
    /// The validation loss must fall by more than this below the lowest so far to count as
    /// improved.
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
    /// Part of all steps spent warming up, below 1.
    pub warmup: f64,
    /// Largest norm of the gradient, if it is clipped.
    pub clip: Option<f64>,
    /// Weight of the Kullback–Leibler divergence of the adapted model from the base, in nats a token
    /// over a plain text, in each step's loss; 0 leaves texts unread.
    pub language_kl: f64,
    /// Early stopping on the validation loss.
    pub early_stopping: Option<EarlyStopping>,
    /// Order of the rows.
    pub order: Order,
    /// Seed of the order.
    pub seed: u64,
    /// Most distinct tokens computed at once; a batch of more is divided, with the same result but
    /// for rounding.
    pub max_tokens: TokensPerStep,
    /// Whether the backward pass computes blocks once more instead of keeping their activations:
    /// slower, in less memory, with the same bits, so that an interrupted run may go on either way.
    #[serde(skip)]
    pub recompute: bool,
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
            language_kl: 0.0,
            early_stopping: None,
            order: Order::Grouped,
            seed: 0,
            max_tokens: TokensPerStep::Auto,
            recompute: false,
        }
    }
}

impl TrainSettings {
    /// What a forward pass keeps for the backward pass.
    pub(super) fn keep(&self) -> Keep {
        if self.recompute { Keep::Inputs } else { Keep::All }
    }

    /// Rows of one optimiser step.
    pub(super) fn step_rows(&self) -> usize {
        self.batch_rows.saturating_mul(self.accumulation).max(1)
    }

    /// Optimiser steps of one epoch over `rows` rows.
    pub fn steps_per_epoch(&self, rows: usize) -> usize {
        rows.div_ceil(self.step_rows())
    }

    /// Optimiser steps of the whole run over `rows` rows.
    pub fn total_steps(&self, rows: usize) -> usize {
        let all = self.epochs.saturating_mul(self.steps_per_epoch(rows));
        self.max_steps.map_or(all, |most| most.min(all))
    }

    /// # Errors
    /// [`EngineError::Setting`] with the first setting that makes no sense, or not with `data`.
    pub(super) fn check(&self, data: &TrainData) -> Result<(), EngineError> {
        self.check_counts(data)?;
        let o = &self.optimizer;
        let positive = [
            ("the learning rate", Some(o.lr)),
            ("AdamW's epsilon", Some(o.eps)),
            ("the largest gradient norm", self.clip),
        ];
        for (field, value) in positive {
            let holds = |v: f64| v.is_finite() && v > 0.0;
            require(field, value, holds, "it must be a positive number")?;
        }
        let parts =
            [("AdamW's beta1", o.beta1), ("AdamW's beta2", o.beta2), ("warm-up", self.warmup)];
        for (field, value) in parts {
            let holds = |v| (0.0..1.0).contains(&v);
            require(field, Some(value), holds, "it must be at least 0 and below 1")?;
        }
        let threshold = self.early_stopping.map(|s| s.threshold);
        let amounts = [
            ("weight decay", Some(o.weight_decay)),
            ("the weight of the divergence on plain text", Some(self.language_kl)),
            ("the threshold of early stopping", threshold),
        ];
        for (field, value) in amounts {
            require(field, value, |v| v.is_finite() && v >= 0.0, "it must be at least 0")?;
        }
        Ok(())
    }

    fn check_counts(&self, data: &TrainData) -> Result<(), EngineError> {
        let max_tokens = match self.max_tokens {
            TokensPerStep::Auto => None,
            TokensPerStep::AtMost(most) => Some(most),
        };
        let counts = [
            ("the number of training rows", Some(data.train.len())),
            ("the batch size", Some(self.batch_rows)),
            ("gradient accumulation", Some(self.accumulation)),
            ("the number of epochs", Some(self.epochs)),
            ("the number of plain texts", (self.language_kl > 0.0).then_some(data.texts.len())),
            ("the limit of steps", self.max_steps),
            ("the token budget", max_tokens),
            ("the patience of early stopping", self.early_stopping.map(|s| s.patience)),
        ];
        for (field, count) in counts {
            require(field, count, |count| count > 0, "it must be at least 1")?;
        }
        let watched = self.early_stopping.map(|_| data.validation.len());
        let field = "the number of validation rows";
        require(field, watched, |rows| rows > 0, "early stopping needs at least 1")
    }
}

/// An error unless `value`, where there is one, is as it should be.
fn require<T: Copy + Display>(
    field: &'static str,
    value: Option<T>,
    holds: impl Fn(T) -> bool,
    wanted: &'static str,
) -> Result<(), EngineError> {
    match value.filter(|&value| !holds(value)) {
        Some(found) => Err(EngineError::Setting { field, found: found.to_string(), wanted }),
        None => Ok(()),
    }
}

/// How the learning rate falls after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// It stays.
    Constant,
    /// In a straight line that would reach zero one step after the last.
    Linear,
    /// Half a cosine wave that would reach zero one step after the last.
    Cosine,
}

impl Schedule {
    /// The factor on the learning rate at `step` (from 0) of `total`.
    ///
    /// It climbs in a straight line over the first `warmup` steps and is 1 at step `warmup`, where
    /// the fall begins. transformers' schedules climb from zero and so waste the very first step;
    /// here step `s` of the warm-up has the factor `(s + 1) / (warmup + 1)`.
    pub fn factor(self, step: usize, total: usize, warmup: usize) -> f64 {
        if step < warmup {
            return (step + 1) as f64 / (warmup + 1) as f64;
        }
        let rest = total.saturating_sub(warmup).max(1) as f64;
        let done = ((step - warmup) as f64 / rest).min(1.0);
        match self {
            Self::Constant => 1.0,
            Self::Linear => 1.0 - done,
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * done).cos()),
        }
    }
}

/// How an epoch is shuffled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Groups are shuffled; rows of one group stay together, so that rows sharing prefixes meet in
    /// one step and their shared tokens are computed once.
    Grouped,
    /// All rows are shuffled: the textbook way.
    Random,
    /// As given, every epoch alike.
    File,
}

impl Order {
    /// Row indices of one epoch. The order depends on the seed and the epoch alone, so that a
    /// resumed run finds its place again.
    pub fn epoch(self, rows: &[TrainRow], seed: u64, epoch: usize) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(epoch as u64 + 1);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        match self {
            Self::File => {}
            Self::Random => order.shuffle(&mut rng),
            Self::Grouped => {
                let mut groups: Vec<u32> = rows.iter().map(|r| r.group).collect();
                groups.sort_unstable();
                groups.dedup();
                groups.shuffle(&mut rng);
                let places: HashMap<u32, usize> = groups.into_iter().zip(0..).collect();
                order.sort_by_key(|&row| places.get(&rows[row].group));
            }
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points() {
        for schedule in [Schedule::Constant, Schedule::Linear, Schedule::Cosine] {
            assert_eq!(schedule.factor(0, 10, 0), 1.0);
            assert_eq!(schedule.factor(0, 10, 3), 0.25);
            assert_eq!(schedule.factor(3, 13, 3), 1.0);
        }
        assert_eq!(Schedule::Linear.factor(5, 10, 0), 0.5);
        assert!((Schedule::Cosine.factor(5, 10, 0) - 0.5).abs() < 1e-12);
        assert_eq!(Schedule::Linear.factor(99, 10, 0), 0.0);
        assert_eq!(Schedule::Constant.factor(99, 10, 0), 1.0);
    }

    fn rows() -> Vec<TrainRow> {
        let row = |i: u32| TrainRow::completion(vec![i], vec![1], i % 5);
        (0..20).map(row).collect()
    }

    #[test]
    fn every_order_visits_every_row_once() {
        for order in [Order::Grouped, Order::Random, Order::File] {
            let mut visited = order.epoch(&rows(), 3, 1);
            visited.sort_unstable();
            assert_eq!(visited, (0..20).collect::<Vec<_>>());
        }
    }

    #[test]
    fn grouped_keeps_groups_together_and_epochs_differ() {
        let rows = rows();
        let first = Order::Grouped.epoch(&rows, 3, 0);
        for four in first.chunks(4) {
            assert!(four.iter().all(|&i| rows[i].group == rows[four[0]].group));
        }
        assert_eq!(first, Order::Grouped.epoch(&rows, 3, 0));
        assert_ne!(first, Order::Grouped.epoch(&rows, 3, 1));
        assert_ne!(first, Order::Grouped.epoch(&rows, 4, 0));
    }
}
