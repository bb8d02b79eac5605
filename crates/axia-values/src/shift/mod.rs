//! What steering changed in a respondent's answers, measured on held-out items.
//!
//! Everything is a comparison of the same items *before* and *after*: of the matched control
//! and the steered respondent first, of the untouched base and either of them besides.

mod compute;
mod model;
mod pairs;

#[cfg(test)]
mod tests;

pub use model::{
    Averages, Comparison, DomainShift, Headroom, Leakage, MeanSd, Repetitions, ShiftError,
    ShiftRun, ValueShift,
};
pub use pairs::ControlCheck;
