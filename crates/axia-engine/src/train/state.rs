//! The state of a run between two steps.

use super::record::{History, StopReason};
use super::settings::Optimizer;
use crate::kernels::{AdamW, Kernels, Parameters};
use crate::lora::{Adapter, Gradients};

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
