//! What a respondent is steered towards, and the ratings that training teaches.

mod direction;
mod error;
mod file;
mod model;
mod training;

#[cfg(test)]
mod tests;

pub use direction::{Direction, UnknownDirection};
pub use error::TargetError;
pub use model::Target;
pub use training::{TrainingItem, TrainingRow, TrainingRows};
