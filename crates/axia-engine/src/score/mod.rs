//! Log-likelihoods of candidate continuations, and of every token of whole texts.

mod batches;
mod by_reach;
mod prefix_cache;
mod reading;
mod scorer;
mod texts;

pub(crate) use batches::cut_by_tokens;
pub use prefix_cache::PrefixCache;
pub use reading::Reading;
pub use scorer::{ScoreRow, Scores, score};
pub use texts::{Text, TextReader, TextReadings, groups, read_texts};
