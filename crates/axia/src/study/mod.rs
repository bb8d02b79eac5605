//! Studies: profile, steer, evaluate.

pub mod summary;
