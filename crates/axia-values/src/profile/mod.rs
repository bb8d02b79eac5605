//! From answers to a value profile.
//!
//! A [`Response`] is the answer to one item in one variant. [`Scores`] reads out one score for
//! each item; a [`Profile`] sums them up for every dimension and every level of values.

mod answer;
mod baseline;
mod compute;
mod error;
mod model;
mod scores;

#[cfg(test)]
mod tests;

pub use answer::{Answer, Readout, Response, UnknownReadout};
pub use baseline::{BaselineRule, baseline_ratings};
pub use error::ProfileError;
pub use model::{DimensionScore, Profile};
pub use scores::{ItemScore, Scores};
