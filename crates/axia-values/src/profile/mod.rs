//! From answers to a value profile.
//!
//! A [`Response`] is the answer to one item in one variant. [`Scores`] reads out one score for
//! each item; a [`Profile`] sums them up for every dimension and every level of values.

mod compute;
mod error;
mod model;
mod scores;

#[cfg(test)]
mod tests;

pub use error::ProfileError;
pub use model::{Answer, DimensionScore, Profile, Readout, Response, UnknownReadout};
pub use scores::{BaselineRule, ItemScore, Scores, baseline_ratings};
