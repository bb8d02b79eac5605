//! What one pass over a forest computes, and where it is read.

use crate::forest::{AttentionPlan, Forest};
use crate::kernels::RopeTable;

/// A forest with the nodes whose hidden states are read.
///
/// The last block computes queries and its feed-forward part for the read nodes alone: nothing
/// looks at the others after its keys and values are made.
pub struct Pass {
    pub(super) tokens: Vec<u32>,
    /// Position of every node `(tokens)`.
    pub(super) positions: Vec<u32>,
    /// Nodes read, ascending `(reads)`.
    pub(super) reads: Vec<u32>,
    /// Position of every read node `(reads)`.
    pub(super) read_positions: Vec<u32>,
    pub(super) plan: AttentionPlan,
    pub(super) read_plan: AttentionPlan,
    pub(super) rope: RopeTable,
}

impl Pass {
    /// Prepares a pass over `forest` that reads the nodes `reads` (ascending, distinct), with the
    /// decoder's rotary `frequencies`.
    pub(super) fn new(forest: &Forest, reads: &[u32], frequencies: &[f64]) -> Self {
        let positions = forest.depths().to_vec();
        Self {
            tokens: forest.tokens().to_vec(),
            read_positions: reads.iter().map(|&n| positions[n as usize]).collect(),
            positions,
            reads: reads.to_vec(),
            plan: AttentionPlan::all(forest.parents()),
            read_plan: AttentionPlan::new(forest.parents(), reads),
            rope: RopeTable::new(frequencies, forest.max_len()),
        }
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
