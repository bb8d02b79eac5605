//! What scenes mean: annotations, and the benchmark's files of them.

mod fields;
mod file;
mod number;
mod votes;

pub use fields::{Annotation, FIELDS, MORALITY};
pub use file::{parse_annotation, read_annotations};
pub use number::{Number, Table};
pub use votes::{VariableSums, VariableVotes};
