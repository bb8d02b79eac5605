//! The shape and options of a model.

mod architecture;
mod error;
mod from_gguf;
mod from_json;
mod gguf_rope;
mod json_options;
mod json_rope;
mod model_config;
mod options;
mod rope;
mod to_json;

pub use architecture::Architecture;
pub use error::ConfigError;
pub use model_config::{LinearModule, ModelConfig, Reach};
pub use options::{Activation, Biases, MODULES, Module, Options, Rotary};
pub use rope::{LongRope, Rope, RopeScaling, Yarn};
