//! Training data in the shapes that other trainers read.

mod preference;
mod supervised;

#[cfg(test)]
mod tests;

pub use preference::{
    Anchors, ExportError, PreferencePair, Shape, UnknownShape, preference_pairs,
    write_preference_pairs,
};
pub use supervised::{Arm, write_supervised_rows};
