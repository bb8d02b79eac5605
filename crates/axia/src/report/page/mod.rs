//! The pages: each section is prepared as plain data, the templates give it its form.

mod cast;
mod comparison;
mod differences;
mod effects;
mod examples;
mod frontier;
mod judgement;
mod overview;
mod perplexity;
mod play;
mod policy;
mod profiles;
mod provenance;
mod render;
mod report;
mod training;

pub use comparison::compare;
pub(super) use judgement::matrix_page;
pub(super) use report::report;
