//! The measured effects of steering.

use crate::instrument::Dimension;
use crate::profile::{Readout, Scores};
use crate::rating::Rating;
use crate::stats::Estimate;
use serde::{Deserialize, Serialize};

/// The respondents of one training seed, all scored on the same items with the same readout.
#[derive(Debug, Clone, Copy)]
pub struct ShiftRun<'a> {
    /// The training seed.
    pub seed: u64,
    /// The untouched model, if it was scored.
    pub base: Option<&'a Scores>,
    /// The matched control.
    pub control: &'a Scores,
    /// The steered model.
    pub steered: &'a Scores,
}

/// What steering changed on held-out items of the survey.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainShift {
    /// Version of this format.
    pub format_version: u32,
    /// Name of the target.
    pub target: String,
    /// How the ratings were read out.
    pub readout: Readout,
    /// Training seeds.
    pub seeds: Vec<u64>,
    /// Items compared.
    pub items: usize,
    /// Items left out because some respondent gave no valid answer to them.
    pub excluded: Vec<String>,
    /// The effect: the steered model against the matched control.
    pub against_control: Comparison,
    /// The steered model against the untouched base.
    pub against_base: Option<Comparison>,
    /// What training alone did: the control against the untouched base.
    pub control_drift: Option<Comparison>,
}

impl DomainShift {
    /// The version that this crate writes.
    pub const FORMAT_VERSION: u32 = 1;
}

/// Changes of item scores from one respondent to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Movement of the target's items towards their goal g: mean of |before − g| − |after − g|.
    /// For a goal of 1 this is the rating drop, before − after; for 6 it is the rise.
    pub target_drop: Averages,
    /// Mean of |after − before| over the items of all other dimensions; nothing if there are
    /// none.
    pub fluctuation: Option<Averages>,
    /// Target drop less fluctuation.
    pub selectivity: Option<Averages>,
    /// How far the target's items were from their goal before, and the share of that distance covered;
    /// `None` where they were at the goal, and in results of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headroom: Option<Headroom>,
    /// Signed shift of every dimension, targets included, in circular order.
    pub values: Vec<ValueShift>,
    /// Signed shift of the other values by their distance from the target, near to far.
    pub leakage: Vec<Leakage>,
    /// The same measures for each repetition of sampled answers, summed up; nothing for scored
    /// answers and for a single repetition.
    pub repetitions: Option<Repetitions>,
}

/// The way to the goal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Headroom {
    /// Mean |before − g| over the target's items, macro average: the largest drop there could be.
    pub points: Estimate,
    /// The target drop as a share of it.
    pub share: Estimate,
}

/// An effect averaged in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Averages {
    /// Every dimension (refined value) weighs the same: the primary average.
    pub macro_average: Estimate,
    /// Every item weighs the same.
    pub micro_average: Estimate,
}

/// The signed shift of one dimension: mean of after − before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueShift {
    /// The dimension.
    pub dimension: Dimension,
    /// The rating it was steered to, if it is a target.
    pub goal: Option<Rating>,
    /// Steps on the circle to the nearest target; nothing for traits outside the circle.
    pub distance: Option<usize>,
    /// Items compared.
    pub items: usize,
    /// The shift, with its interval from a paired bootstrap of items.
    pub shift: Estimate,
}

/// The mean signed shift of the other values at one distance from the target; each value weighs
/// the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leakage {
    /// Steps on the circle.
    pub distance: usize,
    /// Values at this distance.
    pub values: usize,
    /// Mean of after − before.
    pub shift: Estimate,
}

/// Mean and standard deviation over repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanSd {
    /// Mean over repetitions.
    pub mean: f64,
    /// Standard deviation over repetitions (n − 1).
    pub sd: f64,
}

/// The measures of a comparison, computed within each repetition of sampled answers (the mean
/// over runs of each repetition) and summed up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repetitions {
    /// How many.
    pub count: usize,
    /// Macro average of the target drop.
    pub target_drop_macro: Option<MeanSd>,
    /// Micro average of the target drop.
    pub target_drop_micro: Option<MeanSd>,
    /// Macro average of the fluctuation.
    pub fluctuation_macro: Option<MeanSd>,
    /// Micro average of the fluctuation.
    pub fluctuation_micro: Option<MeanSd>,
    /// Macro average of the selectivity.
    pub selectivity_macro: Option<MeanSd>,
    /// Micro average of the selectivity.
    pub selectivity_micro: Option<MeanSd>,
}

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
