//! Errors of comparing respondents.

use crate::profile::Readout;

/// Why an effect could not be measured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShiftError {
    /// There is no run to compare.
    #[error("there is nothing to compare; give at least one pair of control and steered scores")]
    NoRuns,
    /// Two runs have the same seed.
    #[error("two runs have the seed {seed}; give each run its own")]
    DuplicateSeed {
        /// The seed.
        seed: u64,
    },
    /// Scores of different readouts.
    #[error("scores read out as `{found}` cannot be compared with scores read out as `{expected}`")]
    ReadoutMismatch {
        /// Readout of the first scores.
        expected: Readout,
        /// Another readout.
        found: Readout,
    },
    /// Respondents answered different items.
    #[error("item `{item}` is not answered by every respondent; compare answers to the same items")]
    ItemMismatch {
        /// Id of the item.
        item: String,
    },
    /// Some runs come with scores of the base and some without.
    #[error("the run with seed {seed} lacks the base's scores that other runs have")]
    BaseMissing {
        /// Seed of the run.
        seed: u64,
    },
    /// No item of the target was answered.
    #[error("no item with valid answers measures {target}; the items measure {}", .measured.join(", "))]
    NotMeasured {
        /// Name of the target.
        target: String,
        /// The dimensions that were measured.
        measured: Vec<String>,
    },
}
