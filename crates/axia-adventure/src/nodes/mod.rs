//! What a line stands for in annotations: nodes of the benchmark's tree, or marks.

mod index;
mod tree;

pub(crate) use index::mark;
pub use index::{NodeIndex, NodeList};
