//! Profiles, steers and tests the values of open-weight language models.
#![deny(missing_docs)]

pub mod cli;
pub mod dilemmas;
pub mod export;
mod files;
pub mod games;
pub mod models;
pub mod remote;
pub mod report;
pub mod respondent;
pub mod results;
pub mod run;
pub mod serve;
pub mod stage;
pub mod study;
mod text;
