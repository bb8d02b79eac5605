//! Quality control of dilemmas.

mod balance;
mod duplicates;
mod leaks;
mod run;
mod summary;

#[cfg(test)]
mod tests;

pub(super) use run::check;
pub use summary::{DilemmaSummary, DilemmaValueSummary};
