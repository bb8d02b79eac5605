//! Runs in the formats of other programs.

pub mod inspect;
mod lm_eval;
mod run_answers;

pub use lm_eval::lm_eval_results;
pub use run_answers::RunAnswers;
