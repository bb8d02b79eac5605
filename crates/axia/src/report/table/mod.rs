//! `results.csv`: every number of a run in one long, tidy table.

mod frontier;
mod judgement;
mod perplexity;
mod play;
mod rows;
mod run;

pub(super) use run::csv;
