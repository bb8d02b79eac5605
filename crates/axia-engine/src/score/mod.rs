//! Log-likelihoods of candidate continuations, and of every token of whole texts.

mod prefix_cache;
mod scorer;
mod texts;

pub use prefix_cache::PrefixCache;
pub(crate) use scorer::cut_by_tokens;
pub use scorer::{ScoreRow, Scores, score};
pub use texts::{Reading, Text, TextReader, TextReadings, groups, read_texts};
