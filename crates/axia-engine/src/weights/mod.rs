//! A model on disk, as the decoder wants it: shape, weights under one set of names, tokenizer, template.

mod model_files;
mod tensor_source;

pub use model_files::ModelFiles;
pub use tensor_source::TensorSource;
