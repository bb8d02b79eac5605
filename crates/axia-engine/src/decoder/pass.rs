//! What one pass over a forest computes, and where it is read.

use super::positions::{Positions, RopeTables};
use crate::config::ModelConfig;
use crate::forest::{AttentionPlan, Forest, Plans};

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
