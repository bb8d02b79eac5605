//! Ratings from 1 to 6, distributions over them, and votes.

mod baseline;
mod distribution;
mod model;

pub use baseline::{Votes, baseline_rating};
pub use distribution::{Distribution, NotADistribution};
pub use model::{NotARating, Rating};
