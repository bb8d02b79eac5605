//! Whether the benchmark's data are whole: which games are there, and what is wrong with them.

mod file;
mod game;
mod report;

pub use file::FileReport;
pub use report::{Annotated, GameReport, Problem, Severity, State, VerifyReport, verify};
