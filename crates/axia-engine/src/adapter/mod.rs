//! LoRA adapters as PEFT folders.

mod adapter_folder;
mod config_file;
mod error;
mod fit;
mod gguf_lora;
mod lora_config;
mod target_modules;
mod tensor_file;

pub use adapter_folder::Adapter;
pub use error::AdapterError;
pub use fit::same_base;
pub use lora_config::{LayerChoice, LoraConfig};
pub use target_modules::TargetModules;
pub use tensor_file::LoraTensors;
