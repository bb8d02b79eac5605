//! What steering changed in a respondent's judgements.

use super::{Gain, VerdictProbabilities};
use crate::dilemma::Stance;
use crate::stats::SampleSummary;
use crate::target::Direction;
use crate::taxonomy::{RefinedValue, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A respondent's verdicts by the ids of the dilemmas.
pub type Verdicts = BTreeMap<String, VerdictProbabilities>;

/// The respondents of one training seed, judging the same dilemmas.
#[derive(Debug, Clone, Copy)]
pub struct JudgementRun<'a> {
    /// The training seed.
    pub seed: u64,
    /// The matched control.
    pub control: &'a Verdicts,
    /// The steered model.
    pub steered: &'a Verdicts,
}

/// What steering changed in the judgement of dilemmas. All gains are sign-corrected: positive
/// means moved as intended, see [`Gain::towards`]. That holds for the posts of other values too:
/// a positive gain on them means that the respondent judges as if their value had moved in the
/// same direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgementShift {
    /// Version of this format.
    pub format_version: u32,
    /// Name of the set of dilemmas.
    pub dilemmas: String,
    /// The refined values that were steered, in circular order.
    pub target: Vec<RefinedValue>,
    /// Whether they were lowered or raised.
    pub direction: Direction,
    /// Training seeds.
    pub seeds: Vec<u64>,
    /// Dilemmas compared.
    pub judged: usize,
    /// Dilemmas left out because some respondent gave no verdict on them.
    pub excluded: Vec<String>,
    /// The effect: gains on the posts of the target's values; nothing if there are none.
    pub on_target: Option<GainSummary>,
    /// Side effects: gains on all other posts; nothing if there are none.
    pub off_target: Option<GainSummary>,
    /// Gains on all posts.
    pub overall: GainSummary,
    /// Gains on the posts of each refined value, in circular order.
    pub refined: Vec<ValueGain>,
    /// Gains on the posts of each basic value, in circular order.
    pub basic: Vec<ValueGain>,
    /// The verdicts on all posts, each post once.
    pub verdicts: VerdictShift,
    /// The verdicts on the target's posts, each post once.
    pub target_verdicts: Option<VerdictShift>,
    /// The dilemmas with the largest gains or losses, the largest first: at most
    /// [`JudgementShift::MOVERS`].
    pub movers: Vec<Mover>,
}

/// Mean gains over posts. In either [`SampleSummary`] `clusters` are different posts,
/// `observations` dilemmas × seeds; `weighted` gives every dilemma, `macro_average` every refined
/// value the same weight; `p_positive` is the one-sided bootstrap test of a mean above zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GainSummary {
    /// Of [`Gain::full`].
    pub full: SampleSummary,
    /// Of [`Gain::strict`].
    pub strict: SampleSummary,
}

/// Gains on the posts of one value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueGain {
    /// The value of the posts.
    pub value: Value,
    /// Whether the whole value was steered.
    pub on_target: bool,
    /// The gains.
    pub gain: GainSummary,
    /// The p-value of the full gain, adjusted for the number of values of this level
    /// (Benjamini–Hochberg).
    pub adjusted_p: f64,
    /// The same for the strict gain.
    pub adjusted_p_strict: f64,
}

/// The verdicts of two respondents, all seeds together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictShift {
    /// The matched control.
    pub control: VerdictDistribution,
    /// The steered model.
    pub steered: VerdictDistribution,
}

/// A dilemma that is judged much differently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mover {
    /// Id of the dilemma.
    pub id: String,
    /// Its value.
    pub value: RefinedValue,
    /// The verdict of people high on it.
    pub high_stance: Stance,
    /// The verdict of people low on it.
    pub low_stance: Stance,
    /// The control's verdict, mean over seeds.
    pub control: VerdictProbabilities,
    /// The steered model's verdict, mean over seeds.
    pub steered: VerdictProbabilities,
    /// The gain, sign-corrected, mean over seeds.
    pub gain: Gain,
}

impl JudgementShift {
    /// The version that this crate writes.
    pub const FORMAT_VERSION: u32 = 1;
    /// The most dilemmas that are listed as movers.
    pub const MOVERS: usize = 20;

    /// The name of the target: the slug of the value that consists of its refined values, or
    /// their slugs.
    #[must_use]
    pub fn target_name(&self) -> String {
        match Value::all().find(|value| value.refined() == self.target) {
            Some(value) => value.slug().to_owned(),
            None => self.target.iter().map(|value| value.slug()).collect::<Vec<_>>().join("+"),
        }
    }
}

/// The verdicts of a respondent over many posts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictDistribution {
    /// Judgements: posts × seeds.
    pub judgements: usize,
    /// Mean probability of each verdict, in the order of [`crate::dilemma::Stance::ALL`].
    pub mean: VerdictProbabilities,
    /// How often each verdict is the most probable, in the same order.
    pub argmax: [usize; 3],
}

impl VerdictDistribution {
    /// The distribution of some verdicts; nothing for none.
    #[must_use]
    pub fn new<'a>(verdicts: impl IntoIterator<Item = &'a VerdictProbabilities>) -> Option<Self> {
        let verdicts: Vec<&VerdictProbabilities> = verdicts.into_iter().collect();
        let mut argmax = [0; 3];
        verdicts.iter().for_each(|verdict| argmax[verdict.argmax().index()] += 1);
        let mean = VerdictProbabilities::mean(verdicts.iter().copied())?;
        Some(Self { judgements: verdicts.len(), mean, argmax })
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judgement::testing::{close, p};

    #[test]
    fn verdicts_are_counted() {
        let some = [p([0.6, 0.2, 0.2]), p([0.6, 0.4, 0.0]), p([0.0, 0.3, 0.7])];
        let found = VerdictDistribution::new(&some).unwrap();
        assert_eq!((found.judgements, found.argmax), (3, [2, 0, 1]));
        close(found.mean.probability(crate::dilemma::Stance::Nta), 0.4);
        assert_eq!(VerdictDistribution::new(&[]), None);
    }
}
