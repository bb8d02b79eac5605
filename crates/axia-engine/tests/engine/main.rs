//! What training, scoring and sampling promise: exactness of forests, resumption, typed errors.
#![allow(clippy::result_large_err)] // the tests look at the engine's own error type

mod checkpoint_errors;
mod damaged_weights;
mod forests;
mod generation;
mod language;
mod rerun;
mod resume;
mod scoring;
mod settings;
mod tiny;
