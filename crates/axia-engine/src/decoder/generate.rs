//! Passes that extend a cache of keys and values, for sampling.

use super::activations::{Activations, BlockActivations};
use super::forward::Keep;
use super::{Decoder, Module};
use crate::forest::AttentionPlan;
use crate::kernels::{Kernels, Linear, RopeTable, Rotation, Write};

/// Keys and values of every block, one row per slot.
pub(crate) struct KvCache<K: Kernels> {
    /// Keys and values `(slots, kv_heads · head_dim)` per block.
    blocks: Vec<[K::Buffer; 2]>,
    rope: RopeTable,
}

/// Tokens to compute, each into its slot of the cache.
pub(crate) struct Step<'a> {
    pub tokens: &'a [u32],
    /// Position of each token in its sequence.
    pub positions: &'a [u32],
    /// Slot of each token, ascending.
    pub slots: &'a [u32],
    /// What each token sees, over slots.
    pub plan: &'a AttentionPlan,
    /// Tokens (indices into the step) whose logits are wanted.
    pub reads: &'a [u32],
}

impl<K: Kernels> Decoder<K> {
    /// An empty cache of `slots` tokens at positions below `positions`.
    pub(crate) fn cache(&self, slots: usize, positions: usize) -> KvCache<K> {
        let shape = self.attention_shape();
        let empty = || self.kernels.upload(&vec![0.0; slots * shape.kv_width()]);
        KvCache {
            blocks: self.blocks.iter().map(|_| [empty(), empty()]).collect(),
            rope: RopeTable::new(&self.frequencies, positions),
        }
    }

    /// Computes `step` and returns the logits `(reads, vocab)`.
    pub(crate) fn extend(
        &self,
        step: &Step,
        cache: &mut KvCache<K>,
        activations: &mut Activations<K::Buffer>,
    ) -> Vec<f32> {
        let k = &self.kernels;
        let (shape, hidden) = (self.attention_shape(), self.config.hidden_size);
        let Activations { blocks, x, out, work } = activations;
        blocks.resize_with(1, BlockActivations::default);
        let kept = &mut blocks[0];
        k.embed(&self.embedding, step.tokens, x);
        for (index, [keys, values]) in cache.blocks.iter_mut().enumerate() {
            let layer = |module| self.layer(index, module, None);
            k.rms_norm(x, &self.blocks[index].attn_norm, self.eps(), &mut work.norm);
            k.linear(&work.norm, layer(Module::Q), Write::Set, &mut kept.q);
            k.linear(&work.norm, layer(Module::K), Write::Set, &mut kept.k);
            k.linear(&work.norm, layer(Module::V), Write::Set, &mut kept.v);
            k.rope(&mut kept.q, step.positions, &cache.rope, Rotation::Forward);
            k.rope(&mut kept.k, step.positions, &cache.rope, Rotation::Forward);
            k.scatter(&kept.k, step.slots, shape.kv_width(), Write::Set, keys);
            k.scatter(&kept.v, step.slots, shape.kv_width(), Write::Set, values);
            k.attention(&shape, step.plan, [&kept.q, keys, values], &mut kept.attn);
            k.linear(&kept.attn, layer(Module::O), Write::Add, x);
            self.mlp_forward(index, None, Keep::Nothing, kept, x, work);
        }
        k.gather(x, step.reads, hidden, &mut work.rows);
        k.rms_norm(&work.rows, &self.final_norm, self.eps(), out);
        let mut logits = K::Buffer::default();
        k.linear(out, Linear { weight: self.head(), lora: None }, Write::Set, &mut logits);
        k.download(&logits)
    }
}
