//! Probe questions: what a server does, as against what it takes without a word.

mod draws;
mod lists;
mod models;
mod names;
mod prefill;
mod prompts;
mod questions;
mod run;

pub(super) use models::context;
pub(super) use run::Probe;
