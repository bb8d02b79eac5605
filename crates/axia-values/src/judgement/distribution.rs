//! Which verdicts a respondent gives.

use serde::{Deserialize, Serialize};

use super::VerdictProbabilities;

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
