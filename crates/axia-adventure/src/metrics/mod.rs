//! The benchmark's metrics: thresholds, counts, and scores relative to random play.

mod coefficients;
mod counts;
mod flags;
mod scores;
mod trajectory;

pub use coefficients::{Coefficient, Coefficients};
pub use counts::Counts;
pub use flags::{Flags, METRICS, Metric, Thresholds};
pub use scores::{MissingCoefficient, ZeroMean, dense_scores, scores, z_scores};
pub use trajectory::{Logging, Row, Summary, rows, summarise};
