//! Errors of comparing judgements.

use crate::target::Direction;

/// Why judgements could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JudgementError {
    /// There is no run to compare.
    #[error("there is nothing to compare; give at least one pair of control and steered verdicts")]
    NoRuns,
    /// Two runs have the same seed.
    #[error("two runs have the seed {seed}; give each run its own")]
    DuplicateSeed {
        /// The seed.
        seed: u64,
    },
    /// The set of dilemmas is not valid.
    #[error("the dilemmas cannot be judged: {problem}")]
    Dilemmas {
        /// What [`crate::dilemma::DilemmaSet::validate`] says.
        problem: String,
    },
    /// There are verdicts on a post that is not in the set.
    #[error(
        "there is a verdict on `{id}`, which is not among the dilemmas; compare verdicts with the \
         set they were given on"
    )]
    UnknownPost {
        /// Id of the post.
        id: String,
    },
    /// No post was judged by every respondent.
    #[error("no post was judged by every respondent")]
    NoPosts,
    /// Two rows of a matrix are about the same target.
    #[error("{target} {direction} occurs twice; put the seeds of one target into one comparison")]
    DuplicateTarget {
        /// Name of the target.
        target: String,
        /// Its direction.
        direction: Direction,
    },
}
