//! Walks a game and reports what is wrong with it.

mod lines;
mod report;
mod walk;

pub use report::{CheckOptions, Finding, Report, Rule, Severity, check};
pub use walk::Branching;
