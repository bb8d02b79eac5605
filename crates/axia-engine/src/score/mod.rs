//! Log-likelihoods of candidate continuations.

mod batches;
mod scorer;

pub(crate) use batches::cut_by_tokens;
pub use scorer::{ScoreRow, Scores, score};
