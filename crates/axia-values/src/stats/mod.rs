//! Statistics: cluster bootstrap, one-sided tests, correction for many tests, averages.
//!
//! Everything is deterministic: the same observations and seed give the same numbers, whatever
//! the order of the observations.

mod average;
mod bootstrap;
mod correlation;
mod multiple;
mod sample;

pub use average::{mean, sample_sd, weighted_mean};
pub use bootstrap::{BootstrapOptions, Draw, Estimate, Resampler, quantile};
pub use correlation::{correlation, rank_correlation};
pub use multiple::benjamini_hochberg;
pub use sample::{MIN_EXAMPLES, Sample, SampleSummary, Strata, underpowered};
