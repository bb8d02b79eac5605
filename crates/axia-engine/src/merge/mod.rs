//! Merging an adapter into its base model: a whole Hugging Face folder comes out.

mod encode;
mod error;
mod merge_plan;
mod other_files;
mod shard;
mod stored_tensor;

pub use encode::FloatType;
pub use error::MergeError;
pub use merge_plan::{MergePlan, MergeSettings};
