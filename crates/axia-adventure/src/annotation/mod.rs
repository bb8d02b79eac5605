//! What scenes mean: annotations, and the benchmark's files of them.

mod file;
mod votes;

pub use file::{Annotation, FIELDS, MORALITY, parse_annotation, read_annotations};
pub use votes::{Number, Table, VariableSums, VariableVotes};
