//! A game with all that belongs to it, loaded once and shared.

mod benchmark;
mod folder;
mod manifest;
mod marks;
mod shared;

pub use manifest::Manifest;
pub use marks::{ValueWeights, WEIGHT_RANGE};
pub use shared::{Game, Origin};
