//! How well respondents predict text that has nothing to do with values: what steering cost the
//! model as a language model.

mod page;
mod stage;
mod summary;

pub use stage::{Measuring, Passage, PassageReading, PassageSet};
pub use summary::{
    PerplexityChange, PerplexitySummary, Reference, RespondentPerplexity, perplexity_rise,
};
