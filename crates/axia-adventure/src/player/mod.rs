//! Plays a program: the state of a game, and its moves.

mod assign;
mod choose;
mod handle;
mod jump;
mod moves;
mod reading;
mod state;
mod testing;
mod text;

pub use handle::{Draw, Player};
pub use state::State;
