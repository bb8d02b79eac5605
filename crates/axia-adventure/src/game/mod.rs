//! A game with all that belongs to it, loaded once and shared.

mod benchmark;
mod files;
mod folder;
mod manifest;
mod marks;
mod shared;

pub(crate) use files::{json, read};
pub use manifest::Manifest;
pub use marks::{ValueWeights, WEIGHT_RANGE};
pub use shared::{Game, Origin};
