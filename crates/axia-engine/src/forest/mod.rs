//! The prefix forest: many token sequences, each distinct prefix computed once.

mod plan;
mod trie;

pub use plan::{AttentionPlan, Plans, Span};
pub use trie::{Forest, NO_PARENT};
