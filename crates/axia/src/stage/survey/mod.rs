//! The survey: items asked in several ways, and answers read as ratings.

mod administer;
mod variants;

pub use administer::{
    Administration, AnswerMode, Asked, SAMPLED, administer, ask, prompt, rating_in, rows_of,
};
pub use variants::VariantPlan;
