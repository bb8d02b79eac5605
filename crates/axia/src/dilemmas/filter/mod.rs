//! From dumps to candidates: the posts worth annotating, cleaned, each once.

mod language;
mod reader;
mod record;
mod screen;
mod settings;
mod sieve;
mod stage;
mod summary;
mod worker;

pub use record::filter;
pub use settings::FilterSettings;
pub use summary::{BrokenLine, Counts, FilterSummary, InputFile, Reason};
