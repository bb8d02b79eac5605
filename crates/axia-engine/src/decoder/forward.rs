//! The forward pass over a forest.

use super::activations::{Activations, BlockActivations, Work};
use super::{Decoder, Module, Pass};
use crate::forest::Forest;
use crate::kernels::{Kernels, Linear, Rotation, Target, Write};
use crate::lora::Adapter;

/// What happens to the activations of the blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Every block's are kept: a backward pass follows.
    All,
    /// Each block overwrites those of the one before.
    Nothing,
}

impl<K: Kernels> Decoder<K> {
    /// Prepares a pass over `forest` that reads the nodes `reads` (ascending, distinct).
    pub fn pass(&self, forest: &Forest, reads: &[u32]) -> Pass {
        Pass::new(forest, reads, &self.frequencies)
    }

    /// Computes the final hidden states `(reads, hidden)` of `pass` into `activations`.
    pub fn forward(
        &self,
        adapter: Option<&Adapter<K>>,
        pass: &Pass,
        keep: Keep,
        activations: &mut Activations<K::Buffer>,
    ) {
        let Activations { blocks, x, out, work } = activations;
        let sets = if keep == Keep::All { self.blocks.len() } else { 1 };
        blocks.resize_with(sets, BlockActivations::default);
        self.kernels.embed(&self.embedding, &pass.tokens, x);
        for index in 0..self.blocks.len() {
            let kept = &mut blocks[if keep == Keep::All { index } else { 0 }];
            self.attention_forward(index, adapter, pass, keep, kept, x, work);
            self.mlp_forward(index, adapter, keep, kept, x, work);
        }
        self.kernels.rms_norm(x, &self.final_norm, self.eps(), out);
    }

    /// Log-probabilities of `targets` (rows index the pass's reads, ascending) after
    /// [`Self::forward`].
    pub fn log_probs(&self, activations: &Activations<K::Buffer>, targets: &[Target]) -> Vec<f32> {
        self.kernels.log_probs(&activations.out, self.head(), targets, None)
    }

    /// Logits `(reads, vocab)` after [`Self::forward`].
    pub fn logits(&self, activations: &Activations<K::Buffer>) -> Vec<f32> {
        let mut logits = K::Buffer::default();
        let head = Linear { weight: self.head(), lora: None };
        self.kernels.linear(&activations.out, head, Write::Set, &mut logits);
        self.kernels.download(&logits)
    }

    /// Layer `module` of block `index` with the adapter's update.
    pub(super) fn layer<'a>(
        &'a self,
        index: usize,
        module: Module,
        adapter: Option<&'a Adapter<K>>,
    ) -> Linear<'a, K> {
        Linear {
            weight: &self.blocks[index].weights[module as usize],
            lora: adapter.and_then(|a| a.pair(index, module)),
        }
    }

    #[allow(clippy::too_many_arguments)] // the pass, and the three kinds of memory it works on
    fn attention_forward(
        &self,
        index: usize,
        adapter: Option<&Adapter<K>>,
        pass: &Pass,
        keep: Keep,
        kept: &mut BlockActivations<K::Buffer>,
        x: &mut K::Buffer,
        work: &mut Work<K::Buffer>,
    ) {
        let (k, hidden) = (&self.kernels, self.config.hidden_size);
        let last = index + 1 == self.blocks.len();
        let layer = |module| self.layer(index, module, adapter);
        k.rms_norm(x, &self.blocks[index].attn_norm, self.eps(), &mut work.norm);
        k.linear(&work.norm, layer(Module::K), Write::Set, &mut kept.k);
        k.linear(&work.norm, layer(Module::V), Write::Set, &mut kept.v);
        k.rope(&mut kept.k, &pass.positions, &pass.rope, Rotation::Forward);
        if keep == Keep::All {
            k.copy(x, &mut kept.x);
        }
        let (plan, positions) = if last {
            k.gather(&work.norm, &pass.reads, hidden, &mut work.norm_rows);
            k.linear(&work.norm_rows, layer(Module::Q), Write::Set, &mut kept.q);
            k.gather(x, &pass.reads, hidden, &mut work.rows);
            std::mem::swap(x, &mut work.rows);
            (&pass.read_plan, &pass.read_positions)
        } else {
            k.linear(&work.norm, layer(Module::Q), Write::Set, &mut kept.q);
            (&pass.plan, &pass.positions)
        };
        k.rope(&mut kept.q, positions, &pass.rope, Rotation::Forward);
        let shape = self.attention_shape();
        k.attention(&shape, plan, [&kept.q, &kept.k, &kept.v], &mut kept.attn);
        k.linear(&kept.attn, layer(Module::O), Write::Add, x);
    }

    pub(super) fn mlp_forward(
        &self,
        index: usize,
        adapter: Option<&Adapter<K>>,
        keep: Keep,
        kept: &mut BlockActivations<K::Buffer>,
        x: &mut K::Buffer,
        work: &mut Work<K::Buffer>,
    ) {
        let k = &self.kernels;
        let layer = |module| self.layer(index, module, adapter);
        if keep == Keep::All {
            k.copy(x, &mut kept.mid);
        }
        k.rms_norm(x, &self.blocks[index].mlp_norm, self.eps(), &mut work.norm);
        k.linear(&work.norm, layer(Module::Gate), Write::Set, &mut kept.gate);
        k.linear(&work.norm, layer(Module::Up), Write::Set, &mut kept.up);
        k.silu_mul(&kept.gate, &kept.up, &mut work.hidden);
        k.linear(&work.hidden, layer(Module::Down), Write::Add, x);
    }
}
