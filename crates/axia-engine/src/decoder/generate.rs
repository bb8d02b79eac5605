//! Passes that extend a cache of keys and values.

use super::Decoder;
use super::blocks::{Activations, BlockActivations};
use super::forward::Keep;
use super::forward::{Positions, RopeTables};
use crate::config::Module;
use crate::forest::Plans;
use crate::kernels::{Kernels, Write};
use crate::lora::Adapter;

/// Keys and values of every block, one row per slot.
pub(crate) struct KvCache<K: Kernels> {
    /// Keys and values `(slots, kv_heads · head_dim)` per block.
    blocks: Vec<[K::Buffer; 2]>,
    tables: RopeTables,
}

/// Tokens to compute, each into its slot of the cache.
pub(crate) struct Step<'a> {
    pub tokens: &'a [u32],
    /// Position of each token in its sequence.
    pub positions: &'a [u32],
    /// Slot of each token, ascending.
    pub slots: &'a [u32],
    /// What each token sees, over slots.
    pub plans: &'a Plans,
    /// Tokens (indices into the step) whose logits are wanted.
    pub reads: &'a [u32],
}

impl<K: Kernels> Decoder<K> {
    /// An empty cache of `slots` tokens at positions below `positions`, for texts of the reach of
    /// one of `length` tokens.
    pub(crate) fn cache(&self, slots: usize, positions: usize, length: usize) -> KvCache<K> {
        let shape = self.attention_shape();
        let empty = || self.kernels.zeros(slots * shape.kv_width());
        KvCache {
            blocks: self.blocks.iter().map(|_| [empty(), empty()]).collect(),
            tables: RopeTables::new(&self.config, positions, length),
        }
    }

    /// Makes `cache` hold what it has in `slots` and, behind it, what another has in others, for
    /// texts of at most `positions` tokens, continued from at most `length`.
    pub(crate) fn move_cache(
        &self,
        cache: &mut KvCache<K>,
        slots: &[u32],
        other: Option<(KvCache<K>, &[u32])>,
        (positions, length): (usize, usize),
    ) {
        let width = self.attention_shape().kv_width();
        let (others, other_slots) = match other {
            Some((cache, slots)) => (cache.blocks, slots),
            None => (Vec::new(), &[][..]),
        };
        let all = slots.len() + other_slots.len();
        let mut rows = self.kernels.upload(&[]);
        let mut copy = |from: &K::Buffer, slots: &[u32], first: usize, to: &mut K::Buffer| {
            if !slots.is_empty() {
                let places: Vec<u32> = (first..first + slots.len()).map(|s| s as u32).collect();
                self.kernels.gather(from, slots, width, &mut rows);
                self.kernels.scatter(&rows, &places, width, Write::Set, to);
            }
        };
        let mut others = others.into_iter();
        for block in &mut cache.blocks {
            // One block of the other at a time is given up, so that memory does not double.
            let theirs = others.next();
            for (part, own) in block.iter_mut().enumerate() {
                let mut joined = K::Buffer::default();
                self.kernels.prepare(&mut joined, all * width);
                copy(own, slots, 0, &mut joined);
                if let Some(theirs) = &theirs {
                    copy(&theirs[part], other_slots, slots.len(), &mut joined);
                }
                *own = joined;
            }
        }
        cache.tables = RopeTables::new(&self.config, positions, length);
    }

    /// Computes `step` and returns the logits `(reads, vocab)`.
    pub(crate) fn extend(
        &self,
        adapter: Option<&Adapter<K>>,
        step: &Step,
        cache: &mut KvCache<K>,
        activations: &mut Activations<K::Buffer>,
    ) -> Vec<f32> {
        self.extend_states(adapter, step, cache, activations);
        self.logits_of(&activations.out)
    }

    /// Computes `step` and leaves the final states `(reads, hidden)` in `activations`, as a pass
    /// over a forest does.
    pub(crate) fn extend_states(
        &self,
        adapter: Option<&Adapter<K>>,
        step: &Step,
        cache: &mut KvCache<K>,
        activations: &mut Activations<K::Buffer>,
    ) {
        let k = &self.kernels;
        let (shape, hidden) = (self.attention_shape(), self.config.hidden_size);
        let Activations { blocks, x, out, work, .. } = activations;
        blocks.resize_with(1, BlockActivations::default);
        let kept = &mut blocks[0];
        self.embed(step.tokens, x);
        let at = Positions { positions: step.positions, tables: &cache.tables };
        for (index, [keys, values]) in cache.blocks.iter_mut().enumerate() {
            let layer = |module| self.layer(index, module, adapter);
            k.rms_norm(x, &self.blocks[index].attn_norm, self.eps(), &mut work.norm);
            let BlockActivations { raw_q, q, raw_k, k: new_keys, .. } = kept;
            self.queries(index, layer(Module::Q), at, &work.norm, raw_q, q);
            self.keys(index, layer(Module::K), at, &work.norm, raw_k, new_keys);
            k.linear(&work.norm, layer(Module::V), Write::Set, &mut kept.v);
            k.scatter(&kept.k, step.slots, shape.kv_width(), Write::Set, keys);
            k.scatter(&kept.v, step.slots, shape.kv_width(), Write::Set, values);
            let plan = step.plans.of(self.config.options.is_windowed(index));
            k.attention(&shape, plan, [&kept.q, keys, values], &mut kept.attn);
            let given = (&mut kept.attn_out, &mut work.normed);
            self.add_to_stream(index, Module::O, adapter, &kept.attn, given, x);
            self.mlp_forward(index, adapter, Keep::Nothing, kept, x, work);
        }
        k.gather(x, step.reads, hidden, &mut work.rows);
        k.rms_norm(&work.rows, &self.final_norm, self.eps(), out);
    }
}
