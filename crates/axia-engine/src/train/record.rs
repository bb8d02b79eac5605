//! What a training run reports, and what it keeps between steps.

use super::settings::Optimizer;
use crate::kernels::{AdamW, Kernels, Parameters};
use crate::lora::{Adapter, Gradients};
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

/// Everything that the rest of a run depends on.
pub(super) struct State<K: Kernels> {
    pub adapter: Adapter<K>,
    /// First and second moments of the gradients.
    pub moments: [Gradients<K>; 2],
    /// Optimiser steps taken.
    pub step: usize,
    pub best: Option<Best>,
    /// Validations since the last improvement.
    pub stale: usize,
    pub stopped: Option<StopReason>,
    pub history: History,
}

/// The adapter with the lowest validation loss so far.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Best {
    pub loss: f64,
    /// `a` and `b` of every pair.
    pub pairs: Vec<[Vec<f32>; 2]>,
}

impl<K: Kernels> State<K> {
    pub fn new(kernels: &K, adapter: Adapter<K>) -> Self {
        let zeros = || Gradients::zeros(kernels, &adapter);
        let moments = [zeros(), zeros()];
        Self {
            adapter,
            moments,
            step: 0,
            best: None,
            stale: 0,
            stopped: None,
            history: History::default(),
        }
    }

    /// Takes one AdamW step at learning rate `lr`.
    pub fn update(
        &mut self,
        kernels: &K,
        optimizer: &Optimizer,
        lr: f64,
        gradients: &Gradients<K>,
    ) {
        self.step += 1;
        let settings = AdamW {
            lr,
            beta1: optimizer.beta1,
            beta2: optimizer.beta2,
            eps: optimizer.eps,
            weight_decay: optimizer.weight_decay,
            step: self.step as u64,
        };
        let [first, second] = &mut self.moments;
        let moments = first.pairs.iter_mut().zip(&mut second.pairs);
        let pairs = self.adapter.pairs.iter_mut().zip(&gradients.pairs).zip(moments);
        let tensors = pairs.flat_map(|((pair, [da, db]), ([ma, mb], [va, vb]))| {
            [
                Parameters { values: &mut pair.a, gradients: da, moments: [ma, va] },
                Parameters { values: &mut pair.b, gradients: db, moments: [mb, vb] },
            ]
        });
        kernels.adamw(&settings, tensors.collect());
    }

    /// Copies of the adapter's numbers.
    pub fn snapshot(&self, kernels: &K) -> Vec<[Vec<f32>; 2]> {
        let pairs = self.adapter.pairs().iter();
        pairs.map(|p| [kernels.download(&p.a), kernels.download(&p.b)]).collect()
    }

    /// Puts numbers from [`Self::snapshot`] back.
    pub fn restore(&mut self, kernels: &K, pairs: &[[Vec<f32>; 2]]) {
        for (pair, [a, b]) in self.adapter.pairs.iter_mut().zip(pairs) {
            pair.a = kernels.upload(a);
            pair.b = kernels.upload(b);
        }
    }
}
