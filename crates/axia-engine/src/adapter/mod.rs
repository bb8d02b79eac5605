//! LoRA adapters as PEFT folders.

mod adapter_folder;
mod config_file;
mod error;
mod lora_config;
mod tensor_file;

pub use adapter_folder::{Adapter, same_base};
pub use error::AdapterError;
pub use lora_config::{LayerChoice, LoraConfig, TargetModules};
pub use tensor_file::LoraTensors;
