//! The benchmark's metrics: thresholds, counts, and scores relative to random play.

mod coefficients;
mod flags;
mod trajectory;

pub use coefficients::{Coefficient, Coefficients};
pub use flags::{Counts, Flags, METRICS, Metric, Thresholds};
pub use trajectory::{
    Logging, MissingCoefficient, Row, Summary, ZeroMean, dense_scores, rows, scores, summarise,
    z_scores,
};
