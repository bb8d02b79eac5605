//! What the positions of tokens are turned into, block by block.

use super::Decoder;
use crate::config::{ModelConfig, Rotary};
use crate::kernels::{Kernels, RopeTable, Rotation};

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
