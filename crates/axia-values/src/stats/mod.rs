//! Statistics: cluster bootstrap, one-sided tests, correction for many tests, averages.
//!
//! Everything is deterministic: the same observations and seed give the same numbers, whatever
//! the order of the observations.

mod bootstrap;
mod correlation;
mod sample;

pub use bootstrap::{
    BootstrapOptions, Draw, Estimate, Resampler, mean, quantile, sample_sd, weighted_mean,
};
pub use correlation::{benjamini_hochberg, correlation, rank_correlation};
pub use sample::{MIN_EXAMPLES, Sample, SampleSummary, Strata, underpowered};
