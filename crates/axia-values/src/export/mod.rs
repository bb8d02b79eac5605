//! Training data in the shapes that other trainers read.

mod jsonl;
mod preference;
mod supervised;

#[cfg(test)]
mod tests;

pub use jsonl::{ExportError, Shape, UnknownShape};
pub use preference::{Anchors, PreferencePair, preference_pairs, write_preference_pairs};
pub use supervised::{Arm, write_supervised_rows};
