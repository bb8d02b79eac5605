//! Probe questions: what a server does, as against what it takes without a word.

mod draws;
mod prefill;
mod prompts;
mod run;

pub(super) use run::{Probe, context};
