//! The files of a model, in Hugging Face folders or GGUF, behind one set of names.

mod error;
mod folder;
mod gguf_names;
mod json_object;
mod raw_tensor;
mod row_order;
mod safetensors_file;
mod text_names;

pub use error::{CheckpointError, UnreadableTensor};
pub use folder::HfFolder;
pub use gguf_names::{gguf_name, hf_name};
pub use json_object::JsonError;
pub(crate) use json_object::{JsonObject, short};
pub use raw_tensor::{RawTensor, find_non_finite};
pub use row_order::RowOrder;
pub use safetensors_file::SafetensorsFile;
pub(crate) use text_names::{newer_name, text_name};

pub use crate::gguf::DType;
