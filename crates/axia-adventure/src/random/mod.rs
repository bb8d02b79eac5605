//! Random draws, number for number those of Python and of NumPy's legacy generator.

mod mersenne;
mod streams;

pub use streams::{GameRandom, PolicyRandom};
