//! Walks a game and reports what is wrong with it.

mod finding;
mod lines;
mod report;
mod style;
mod walk;

pub use finding::{Finding, Rule, Severity};
pub use report::{CheckOptions, Report, check};
pub use walk::Branching;
