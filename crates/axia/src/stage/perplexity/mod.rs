//! How well respondents predict text that has nothing to do with values: what steering cost the
//! model as a language model.

mod page;
mod passages;
mod stage;
mod summary;
mod table;

pub use passages::{Passage, PassageSet};
pub use stage::{Measuring, PassageReading};
pub use summary::{
    PerplexityChange, PerplexitySummary, Reference, RespondentPerplexity, perplexity_rise,
};
