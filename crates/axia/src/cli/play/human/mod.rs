//! `axia play --agent human`: a person plays in the terminal.

mod play;
mod saved;

pub use play::{HumanArgs, run};
