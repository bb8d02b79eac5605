//! The decoder: one transformer, written once over the kernels.

mod blocks;
mod forward;
mod generate;
mod load;
mod steps;

pub use blocks::{Activations, Block, Decoder};
pub use forward::{Keep, Pass};
pub(crate) use generate::{KvCache, Step};
pub(crate) use load::explain;
pub use load::{TokensPerStep, bytes_per_token, tokens_that_fit, tokens_to_keep};
