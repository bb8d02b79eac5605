//! Human values, the surveys that measure them, and the statistics of what was measured.
#![deny(missing_docs)]

pub mod check;
pub mod export;
pub mod instrument;
pub mod profile;
mod random;
pub mod rating;
pub mod shift;
pub mod stats;
pub mod target;
pub mod taxonomy;
