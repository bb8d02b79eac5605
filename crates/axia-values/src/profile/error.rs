//! Errors of scoring answers.

use super::Readout;
use crate::taxonomy::nearest;

/// Why answers could not be scored.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// An answer to an item that the instrument does not hold.
    #[error("there is an answer to item `{item}`, which the instrument does not hold{hint}")]
    UnknownItem {
        /// Id of the item.
        item: String,
        /// A suggestion, if an id is near.
        hint: String,
    },
    /// An answer in a variant that the instrument does not have.
    #[error(
        "the answer to item `{item}` is of instruction {instruction} and template {template}, \
         which the instrument does not have; was it given to another version?"
    )]
    UnknownVariant {
        /// Id of the item.
        item: String,
        /// Index of the instruction.
        instruction: usize,
        /// Index of the template.
        template: usize,
    },
    /// Two answers to the same item in the same variant.
    #[error(
        "item `{item}` is answered twice with instruction {instruction} and template {template}"
    )]
    DuplicateResponse {
        /// Id of the item.
        item: String,
        /// Index of the instruction.
        instruction: usize,
        /// Index of the template.
        template: usize,
    },
    /// A readout that does not apply to the answers.
    #[error(
        "the readout `{readout}` does not apply to the answer to item `{item}`; sampled answers \
         are read out as sampled, scored ones as expected or argmax"
    )]
    ReadoutMismatch {
        /// The readout.
        readout: Readout,
        /// Id of the item.
        item: String,
    },
    /// There is nothing to score.
    #[error("no item has a valid answer ({invalid} of {replies} replies are invalid)")]
    NoAnswers {
        /// Replies without a rating.
        invalid: usize,
        /// All replies.
        replies: usize,
    },
}

impl ProfileError {
    pub(super) fn unknown_item<'a>(item: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let hint = nearest(item, known).map(|id| format!("; did you mean `{id}`?"));
        Self::UnknownItem { item: item.to_owned(), hint: hint.unwrap_or_default() }
    }
}
