//! The pages of runs: each section is prepared as plain data, the templates give it its form.

mod comparison;
mod effects;
mod frontier;
mod overview;
mod profiles;
mod report;
mod training;

pub use comparison::compare;
pub(super) use report::report;
