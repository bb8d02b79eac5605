//! The files of a model, in Hugging Face folders or GGUF, behind one set of names.

mod error;
mod folder;
mod gguf_names;
mod json_object;
mod raw_tensor;
mod safetensors_file;

pub use error::{CheckpointError, UnreadableTensor};
pub use folder::HfFolder;
pub use gguf_names::{RowOrder, gguf_name, hf_name};
pub(crate) use gguf_names::{newer_name, text_name};
pub use json_object::JsonError;
pub(crate) use json_object::{JsonObject, short};
pub use raw_tensor::{RawTensor, find_non_finite};
pub use safetensors_file::SafetensorsFile;

pub use crate::gguf::DType;
