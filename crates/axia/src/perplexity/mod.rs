//! How well respondents predict text that has nothing to do with values: what steering cost the
//! model as a language model.

mod measuring;
mod passages;
mod summary;

pub use measuring::{Measuring, PassageReading};
pub use passages::{Passage, PassageSet};
pub use summary::{
    PerplexityChange, PerplexityReader, PerplexitySummary, Reference, RespondentPerplexity,
    perplexity_rise,
};
