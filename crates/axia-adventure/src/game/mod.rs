//! A game with all that belongs to it, loaded once and shared.

mod folder;
mod marks;

pub use folder::{Game, Manifest, Origin};
pub use marks::{ValueWeights, WEIGHT_RANGE};
