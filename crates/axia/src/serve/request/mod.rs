//! What clients ask for, read and checked.

mod chat;
mod drawing;
mod plan;
mod prompts;

pub(super) use plan::{Kind, Plan, Prompt};
pub(super) use prompts::{Detokenize, Tokenize};
