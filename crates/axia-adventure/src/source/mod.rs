//! Scenes as lines: from the benchmark's JSON files, or from ChoiceScript text files.

mod line;
mod recorded;
mod words;
mod written;

pub use line::{Line, Source};
pub(crate) use words::{parameters, split_words};
pub(crate) use written::column;
pub use written::read_texts;
