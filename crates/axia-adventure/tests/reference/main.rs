//! Everything in the reference data must come out the same, number by number.
//!
//! The data were made by running the MACHIAVELLI benchmark's own Python on a game written for the
//! purpose; see the README beside them.

mod expressions;
mod fixtures;
mod metrics;
mod snippets;
