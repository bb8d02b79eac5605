//! The forward pass over a forest.

use super::Decoder;
use super::blocks::{Activations, BlockActivations, Work};
use crate::config::{ModelConfig, Module, Rotary};
use crate::forest::{AttentionPlan, Forest, Plans};
use crate::kernels::{Kernels, RopeTable, Rotation, Target, Write};
use crate::lora::Adapter;
use std::ops::Range;

/// What happens to the activations of the blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Every block's are kept: a backward pass follows.
    All,
    /// Every block's input is kept, and all of the last one's: the backward pass computes the others
    /// again (gradient checkpointing, Chen et al. 2016), bit for bit.
    Inputs,
    /// Each block overwrites those of the one before.
    Nothing,
}

impl<K: Kernels> Decoder<K> {
    /// Prepares a pass over `forest` that reads the nodes `reads` (ascending, distinct).
    pub fn pass(&self, forest: &Forest, reads: &[u32]) -> Pass {
        self.pass_of_texts(forest, reads, forest.max_len())
    }

    /// Like [`Self::pass`], where the forest holds all but the ends of texts of the reach of one of
    /// `length` tokens.
    pub(crate) fn pass_of_texts(&self, forest: &Forest, reads: &[u32], length: usize) -> Pass {
        Pass::new(forest, reads, &self.config, length)
    }

    /// Computes the final hidden states `(reads, hidden)` of `pass` into `activations`.
    pub fn forward(
        &self,
        adapter: Option<&Adapter<K>>,
        pass: &Pass,
        keep: Keep,
        activations: &mut Activations<K::Buffer>,
    ) {
        let Activations { blocks, inputs, x, out, work } = activations;
        let last = self.blocks.len().saturating_sub(1);
        let sets = if keep == Keep::All { self.blocks.len() } else { 1 };
        // A validation between two epochs takes nothing away from the training around it.
        blocks.resize_with(sets.max(blocks.len()), BlockActivations::default);
        inputs.resize_with(if keep == Keep::Inputs { last } else { 0 }, Default::default);
        self.embed(&pass.tokens, x);
        for index in 0..self.blocks.len() {
            let kept = &mut blocks[if keep == Keep::All { index } else { 0 }];
            let keep = match inputs.get_mut(index) {
                Some(input) => {
                    self.kernels.copy(x, input);
                    Keep::Nothing
                }
                // The backward pass begins with the last block.
                None if keep == Keep::Inputs => Keep::All,
                None => keep,
            };
            self.attention_forward(index, adapter, pass, keep, kept, x, work);
            self.mlp_forward(index, adapter, keep, kept, x, work);
        }
        self.kernels.rms_norm(x, &self.final_norm, self.eps(), out);
    }

    /// Log-probabilities of `targets` (rows index the pass's reads, ascending) after
    /// [`Self::forward`].
    pub fn log_probs(&self, activations: &Activations<K::Buffer>, targets: &[Target]) -> Vec<f32> {
        self.kernels.log_probs(&activations.out, self.head(), self.logit_softcap(), targets, None)
    }

    /// Logits `(reads, vocab)` after [`Self::forward`].
    pub fn logits(&self, activations: &Activations<K::Buffer>) -> Vec<f32> {
        self.logits_of(&activations.out)
    }

    /// Logits `(rows, vocab)` of some of the reads after [`Self::forward`].
    pub(crate) fn logits_of_rows(
        &self,
        activations: &Activations<K::Buffer>,
        rows: Range<usize>,
    ) -> Vec<f32> {
        let mut states = K::Buffer::default();
        let rows: Vec<u32> = rows.map(|row| row as u32).collect();
        self.kernels.gather(&activations.out, &rows, self.config.hidden_size, &mut states);
        self.logits_of(&states)
    }

    #[allow(clippy::too_many_arguments)] // the pass, and the three kinds of memory it works on
    pub(super) fn attention_forward(
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
        let at = pass.key_positions();
        self.keys(index, layer(Module::K), at, &work.norm, &mut kept.raw_k, &mut kept.k);
        k.linear(&work.norm, layer(Module::V), Write::Set, &mut kept.v);
        if keep == Keep::All {
            k.copy(x, &mut kept.x);
        }
        let query_input = if last {
            k.gather(&work.norm, &pass.reads, hidden, &mut work.norm_rows);
            k.gather(x, &pass.reads, hidden, &mut work.rows);
            std::mem::swap(x, &mut work.rows);
            &work.norm_rows
        } else {
            &work.norm
        };
        let at = pass.query_positions(last);
        self.queries(index, layer(Module::Q), at, query_input, &mut kept.raw_q, &mut kept.q);
        let plan = pass.plan(last, self.config.options.is_windowed(index));
        k.attention(&self.attention_shape(), plan, [&kept.q, &kept.k, &kept.v], &mut kept.attn);
        let given = (&mut kept.attn_out, &mut work.normed);
        self.add_to_stream(index, Module::O, adapter, &kept.attn, given, x);
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
        self.mlp_hidden(index, adapter, keep, kept, x, work);
        let given = (&mut kept.mlp_out, &mut work.normed);
        self.add_to_stream(index, Module::Down, adapter, &work.hidden, given, x);
    }

    /// The feed-forward part up to its last layer.
    fn mlp_hidden(
        &self,
        index: usize,
        adapter: Option<&Adapter<K>>,
        keep: Keep,
        kept: &mut BlockActivations<K::Buffer>,
        x: &K::Buffer,
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
        k.gated(self.config.options.activation, &kept.gate, &kept.up, &mut work.hidden);
    }

    /// Computes once more, for the backward pass, what block `index` made of its input `x`.
    pub(super) fn recompute(
        &self,
        index: usize,
        adapter: Option<&Adapter<K>>,
        pass: &Pass,
        kept: &mut BlockActivations<K::Buffer>,
        x: &mut K::Buffer,
        work: &mut Work<K::Buffer>,
    ) {
        self.attention_forward(index, adapter, pass, Keep::All, kept, x, work);
        if self.blocks[index].post_norm(Module::Down).is_some() {
            self.mlp_forward(index, adapter, Keep::All, kept, x, work);
        } else {
            // Nobody asks what goes into the next block.
            self.mlp_hidden(index, adapter, Keep::All, kept, x, work);
        }
    }
}

/// A forest with the nodes whose hidden states are read.
///
/// The last block computes queries and its feed-forward part for the read nodes alone: nothing
/// looks at the others after its keys and values are made.
pub struct Pass {
    pub(super) tokens: Vec<u32>,
    /// Position of every node `(tokens)`.
    positions: Vec<u32>,
    /// Nodes read, ascending `(reads)`.
    pub(super) reads: Vec<u32>,
    /// Position of every read node `(reads)`.
    read_positions: Vec<u32>,
    plans: Plans,
    read_plans: Plans,
    tables: RopeTables,
}

impl Pass {
    /// Prepares a pass over `forest` that reads the nodes `reads` (ascending, distinct). All texts in
    /// it are of the reach of one of `length` tokens.
    pub(super) fn new(forest: &Forest, reads: &[u32], config: &ModelConfig, length: usize) -> Self {
        let positions = forest.depths().to_vec();
        let (longest, window) = (forest.max_len(), config.options.window);
        Self {
            tokens: forest.tokens().to_vec(),
            read_positions: reads.iter().map(|&n| positions[n as usize]).collect(),
            positions,
            reads: reads.to_vec(),
            plans: Plans::all(forest.parents(), window, longest),
            read_plans: Plans::new(forest.parents(), reads, window, longest),
            tables: RopeTables::new(config, longest, length),
        }
    }

    /// Positions of the tokens whose keys a block computes: all of them.
    pub(super) fn key_positions(&self) -> Positions<'_> {
        Positions { positions: &self.positions, tables: &self.tables }
    }

    /// Positions of the tokens whose queries a block computes: in the `last` one, of the reads.
    pub(super) fn query_positions(&self, last: bool) -> Positions<'_> {
        let positions = if last { &self.read_positions } else { &self.positions };
        Positions { positions, tables: &self.tables }
    }

    /// What the queries of a block see.
    pub(super) fn plan(&self, last: bool, windowed: bool) -> &AttentionPlan {
        let plans = if last { &self.read_plans } else { &self.plans };
        plans.of(windowed)
    }

    /// Distinct tokens computed.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is nothing to compute.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }
}

/// The rotary tables of a pass.
pub(super) struct RopeTables {
    main: RopeTable,
    local: Option<RopeTable>,
}

impl RopeTables {
    /// Tables for positions below `positions` in texts of as many tokens as `length`.
    pub fn new(config: &ModelConfig, positions: usize, length: usize) -> Self {
        let table = |rope: &crate::config::Rope| {
            let frequencies = rope.frequencies(config.rotary_width(), length);
            RopeTable::new(&frequencies, rope.magnitude(), config.head_dim, positions)
        };
        Self { main: table(&config.rope), local: config.options.local_rope.as_ref().map(table) }
    }

    fn of(&self, rotary: Rotary) -> Option<&RopeTable> {
        match rotary {
            Rotary::Main => Some(&self.main),
            Rotary::Local => self.local.as_ref(),
            Rotary::None => None,
        }
    }
}

/// The positions of some tokens and the tables that turn them.
#[derive(Clone, Copy)]
pub(super) struct Positions<'a> {
    pub positions: &'a [u32],
    pub tables: &'a RopeTables,
}

impl<K: Kernels> Decoder<K> {
    /// Rotates queries or keys of block `index` in place, where the block does.
    pub(super) fn rotate(
        &self,
        index: usize,
        at: Positions,
        rotation: Rotation,
        x: &mut K::Buffer,
    ) {
        if let Some(table) = at.tables.of(self.config.options.rotary(index)) {
            self.kernels.rope(x, at.positions, table, rotation);
        }
    }
}
