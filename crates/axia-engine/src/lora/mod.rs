//! Low-rank adapters (Hu et al. 2021) on a device, and their gradients.

mod adapter;
mod gradients;
mod layer_range;
mod peft;

pub use adapter::{Adapter, LoraSettings, Place};
pub use gradients::Gradients;
pub use layer_range::LayerRange;
