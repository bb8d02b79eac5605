//! One item in one variant.

use serde::{Deserialize, Serialize};

/// One way of asking: a task instruction and a response template, by their places in the
/// instrument, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Variant {
    /// Index into [`super::Instrument::instructions`].
    pub instruction: usize,
    /// Index into [`super::Instrument::templates`].
    pub template: usize,
}

/// The text of one item asked in one variant, in the parts that chat rendering needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The question: instruction, blank line, `Statement:` and the statement.
    pub instruction_and_statement: String,
    /// The answer up to the rating.
    pub before: String,
    /// The answer after the rating (the template's tail), often empty.
    pub after: String,
}

impl Row {
    /// Everything before the rating, as plain text: the question, a blank line, and the answer
    /// up to the rating.
    #[must_use]
    pub fn prompt(&self) -> String {
        format!("{}\n\n{}", self.instruction_and_statement, self.before)
    }

    /// What follows the prompt when the answer is `rating`: the rating and the tail.
    #[must_use]
    pub fn completion(&self, rating: u8) -> String {
        format!("{rating}{}", self.after)
    }
}
