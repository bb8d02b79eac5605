//! From dumps to candidates: the posts worth annotating, cleaned, each once.

mod reader;
mod screen;
mod sieve;
mod stage;
mod summary;

pub use stage::FilterSettings;
pub use summary::{BrokenLine, Counts, FilterSummary, InputFile, Reason, filter};
