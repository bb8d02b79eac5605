//! Low-rank adapters (Hu et al. 2021) on a device, and their gradients.

mod adapter;
mod settings;

pub use adapter::{Adapter, Gradients, LoraSettings, Place};
pub use settings::LayerRange;
