//! Log-likelihoods of candidate continuations.

mod batches;
mod prefix_cache;
mod scorer;

pub(crate) use batches::cut_by_tokens;
pub use prefix_cache::PrefixCache;
pub use scorer::{ScoreRow, Scores, score};
