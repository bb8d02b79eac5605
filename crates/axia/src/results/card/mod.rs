//! Model cards: the README.md of every adapter of a run, with the run's numbers.

mod text;
mod write;

pub use text::model_card;
pub(super) use write::write_cards;
