//! Plays a program: the state of a game, and its moves.

mod assign;
mod choose;
mod handle;
mod moves;
mod reading;
mod state;
mod testing;

pub use handle::{Draw, Player};
pub use state::State;
