//! What is trained on.

use crate::error::EngineError;

/// A prompt, which is read, and a completion, which is learnt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrainRow {
    /// Token ids of the prompt; at least one.
    pub prompt: Vec<u32>,
    /// Token ids of the completion, with its end-of-sequence token if it is to be learnt; at
    /// least one.
    pub completion: Vec<u32>,
    /// Rows of one group share most of their prompt (the variants of one survey item).
    pub group: u32,
}

impl TrainRow {
    /// The tokens fed: all but the last, after which nothing is read.
    pub(super) fn fed(&self) -> Vec<u32> {
        let mut tokens = self.prompt.clone();
        tokens.extend(&self.completion[..self.completion.len() - 1]);
        tokens
    }
}

/// Rows to learn from and rows to stop by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrainData {
    /// Training rows.
    pub train: Vec<TrainRow>,
    /// Validation rows; may be empty.
    pub validation: Vec<TrainRow>,
}

impl TrainData {
    /// # Errors
    /// [`EngineError::EmptySequence`] or [`EngineError::TokenRange`] with the first bad row.
    pub(super) fn check(&self, vocab: usize) -> Result<(), EngineError> {
        check_rows(&self.train, vocab, ["the prompt", "the completion"])?;
        check_rows(&self.validation, vocab, ["the validation prompt", "the validation completion"])
    }
}

fn check_rows(rows: &[TrainRow], vocab: usize, names: [&str; 2]) -> Result<(), EngineError> {
    for (index, row) in rows.iter().enumerate() {
        for (part, ids) in names.into_iter().zip([&row.prompt, &row.completion]) {
            let (row, part) = (index + 1, part.to_owned());
            if ids.is_empty() {
                return Err(EngineError::EmptySequence { row, part });
            }
            if let Some(&token) = ids.iter().find(|&&t| t as usize >= vocab) {
                return Err(EngineError::TokenRange { row, part, token, vocab });
            }
        }
    }
    Ok(())
}
