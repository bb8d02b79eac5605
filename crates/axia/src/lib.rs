//! Profiles, steers and tests the values of open-weight language models.
#![deny(missing_docs)]

pub mod cli;
mod files;
pub mod models;
pub mod report;
pub mod respondent;
pub mod study;
