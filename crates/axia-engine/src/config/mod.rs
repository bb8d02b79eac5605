//! The shape and options of a model.

mod architecture;
mod error;
mod from_gguf;
mod from_json;
mod model_config;
mod rope;

pub use architecture::Architecture;
pub use error::ConfigError;
pub use model_config::{LinearModule, ModelConfig};
pub use rope::{Rope, RopeScaling};
