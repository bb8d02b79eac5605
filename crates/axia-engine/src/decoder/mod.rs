//! The decoder: one transformer, written once over the kernels.

mod activations;
mod backward;
mod blocks;
mod forward;
mod generate;
mod load;
mod memory;
mod pass;
mod positions;
mod steps;

pub use activations::Activations;
pub use blocks::{Block, Decoder};
pub use forward::Keep;
pub(crate) use generate::{KvCache, Step};
pub(crate) use memory::explain;
pub use memory::{TokensPerStep, bytes_per_token, tokens_that_fit, tokens_to_keep};
pub use pass::Pass;
