//! Quality control of dilemmas.

mod balance;
mod duplicates;
mod leaks;
mod summary;

#[cfg(test)]
mod tests;

pub(super) use summary::check;
pub use summary::{DilemmaSummary, DilemmaValueSummary};
