//! GGUF files: metadata, the directory of tensors, and block-wise dequantisation.

mod dequantize;
mod dtype;
mod error;
mod header;
mod k_quants;
mod mapped_file;
mod metadata;
mod writer;

pub use dequantize::dequantize;
pub use dtype::DType;
pub use error::{GgufError, GgufFormatError};
pub use header::{GgufHeader, TensorInfo};
pub use mapped_file::{GgufFile, MappedFile};
pub use metadata::{Metadata, MetadataArray, MetadataValue};
pub use writer::GgufWriter;
