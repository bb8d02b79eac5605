//! `axia play --agent human`: a person plays in the terminal.

mod input;
mod page;
mod play;
mod saved;

pub use play::{HumanArgs, run};
