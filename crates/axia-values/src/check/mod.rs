//! Quality control of instruments and of dilemmas: what a careful reviewer would look for.

mod design;
mod dilemmas;
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

pub use dilemmas::{DilemmaSummary, DilemmaValueSummary};
pub use finding::{Finding, Rule, Severity};
pub use report::{CheckProfile, CheckReport, DilemmaCheckReport, Report, UnknownCheckProfile};
pub use summary::{DimensionSummary, Range, Summary};
pub use text::{count_syllables, reading_grade};
