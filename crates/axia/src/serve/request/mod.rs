//! What clients ask for, read and checked.

mod chat;
mod completion;
mod drawing;
mod fields;
mod plan;
mod prompts;
mod tokens;

pub(super) use plan::{Kind, Plan, Prompt};
pub(super) use tokens::{Detokenize, Tokenize};
