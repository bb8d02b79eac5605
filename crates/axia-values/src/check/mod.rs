//! Quality control of instruments: what a reviewer of a questionnaire would look for.

mod design;
mod duplicates;
mod finding;
mod openings;
mod report;
mod similarity;
mod summary;
mod text;
mod wording;

#[cfg(test)]
mod tests;

pub use finding::{Finding, Rule, Severity};
pub use report::{CheckProfile, CheckReport, UnknownCheckProfile};
pub use summary::{DimensionSummary, Range, Summary};
pub use text::{count_syllables, reading_grade};
