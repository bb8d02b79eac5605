//! Quality control of instruments and of dilemmas: what a careful reviewer would look for.

mod design;
mod dilemmas;
mod duplicates;
mod openings;
mod report;
mod summary;
mod text;
mod wording;

#[cfg(test)]
mod tests;

pub use dilemmas::{DilemmaSummary, DilemmaValueSummary};
pub use report::{
    CheckProfile, CheckReport, DilemmaCheckReport, Finding, Report, Rule, Severity,
    UnknownCheckProfile,
};
pub use summary::{DimensionSummary, Range, Summary};
pub use text::{count_syllables, reading_grade};
