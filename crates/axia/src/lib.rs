//! Profiles, steers and tests the values of open-weight language models.
#![deny(missing_docs)]

pub mod cli;
pub mod dilemmas;
pub mod export;
mod files;
pub mod games;
pub mod judge;
pub mod models;
pub mod perplexity;
pub mod play;
pub mod remote;
pub mod report;
pub mod respondent;
pub mod serve;
pub mod study;
