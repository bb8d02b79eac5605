//! Merging an adapter into its base model: a whole Hugging Face folder comes out.

mod error;
mod merge_plan;
mod stored_tensor;

pub use error::MergeError;
pub use merge_plan::{MergePlan, MergeSettings};
pub use stored_tensor::FloatType;
