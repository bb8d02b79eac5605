//! Sampling continuations, many at once, over a shared cache of keys and values.

mod batch;
mod generator;
mod sampler;

pub use generator::{Drawn, Generated, Generation, Request, generate, generate_with};
pub use sampler::{Sampler, Sampling};
