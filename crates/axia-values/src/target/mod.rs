//! What a respondent is steered towards, and the ratings that training teaches.

mod error;
mod file;
mod model;

#[cfg(test)]
mod tests;

pub use error::TargetError;
pub use file::{TrainingItem, TrainingRow, TrainingRows};
pub use model::{Direction, Target, UnknownDirection};
