//! The judgements of one respondent that belongs to no run.

use super::ask::JudgeSettings;
use super::stage::Judging;
use super::verdicts::{Judged, Spread};
use axia_values::dilemma::Dilemma;
use axia_values::judgement::{VerdictDistribution, VerdictProbabilities, Verdicts};
use axia_values::stats::mean;
use axia_values::taxonomy::RefinedValue;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How one respondent judges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AloneJudgement {
    /// Version of this format.
    pub format_version: u32,
    /// Name of the set of dilemmas.
    pub dilemmas: String,
    /// Hash of the set's contents.
    pub hash: String,
    /// How posts were judged.
    pub settings: JudgeSettings,
    /// Over all posts.
    pub distribution: VerdictDistribution,
    /// What the way of asking changes.
    pub spread: Spread,
    /// Verdicts on posts without content, with calibration.
    pub content_free: Option<VerdictProbabilities>,
    /// By the value at the centre of a post.
    pub values: Vec<ValueVerdicts>,
    /// Of every post, by id: the probabilities of NTA, YTA and Neutral.
    pub verdicts: Verdicts,
    /// Characters cut from the middle of posts for them to fit the model's context, by id.
    pub cut: BTreeMap<String, usize>,
}

/// Verdicts on the posts of one value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueVerdicts {
    /// The value.
    pub value: RefinedValue,
    /// Posts.
    pub posts: usize,
    /// Mean probability of the verdict that people high on the value give.
    pub high: f64,
    /// Mean probability of the verdict that people low on it give.
    pub low: f64,
    /// Mean probabilities of the verdicts.
    pub mean: VerdictProbabilities,
}

impl AloneJudgement {
    const FORMAT_VERSION: u32 = 1;

    /// What `judged` says about the dilemmas of `judging`.
    pub fn new(judging: &Judging, judged: Judged) -> Self {
        let set = &judging.set;
        let values = set.values().into_iter();
        Self {
            format_version: Self::FORMAT_VERSION,
            dilemmas: set.name.clone(),
            hash: set.content_hash(),
            settings: judging.settings,
            distribution: judged.distribution,
            spread: judged.spread,
            content_free: judged.content_free,
            values: values
                .filter_map(|value| ValueVerdicts::new(value, set.of(value), &judged.verdicts))
                .collect(),
            verdicts: judged.verdicts,
            cut: judged.cut,
        }
    }
}

impl ValueVerdicts {
    /// Nothing where no post of the value was judged.
    fn new<'a>(
        value: RefinedValue,
        dilemmas: impl Iterator<Item = &'a Dilemma>,
        verdicts: &Verdicts,
    ) -> Option<Self> {
        let judged: Vec<(&Dilemma, &VerdictProbabilities)> =
            dilemmas.filter_map(|dilemma| Some((dilemma, verdicts.get(&dilemma.id)?))).collect();
        Some(Self {
            value,
            posts: judged.len(),
            high: mean(judged.iter().map(|(dilemma, p)| p.probability(dilemma.high_stance)))?,
            low: mean(judged.iter().map(|(dilemma, p)| p.probability(dilemma.low_stance)))?,
            mean: VerdictProbabilities::mean(judged.iter().map(|(_, p)| *p))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axia_values::dilemma::{DilemmaSet, Stance};

    #[test]
    fn stances_are_averaged_by_hand() {
        let set = DilemmaSet::bundled();
        let value = RefinedValue::Face;
        let posts: Vec<&Dilemma> = set.of(value).take(2).collect();
        let p = |weights| VerdictProbabilities::new(weights).unwrap();
        let verdicts: Verdicts = posts
            .iter()
            .zip([p([0.5, 0.3, 0.2]), p([0.1, 0.7, 0.2])])
            .map(|(dilemma, p)| (dilemma.id.clone(), p))
            .collect();
        let found = ValueVerdicts::new(value, set.of(value), &verdicts).unwrap();
        let by_hand = |stance: fn(&Dilemma) -> Stance| {
            let of = |i: usize| verdicts[&posts[i].id].probability(stance(posts[i]));
            (of(0) + of(1)) / 2.0
        };
        assert_eq!(found.posts, 2);
        assert!((found.high - by_hand(|d| d.high_stance)).abs() < 1e-12);
        assert!((found.low - by_hand(|d| d.low_stance)).abs() < 1e-12);
        assert!((found.mean.probabilities()[1] - 0.5).abs() < 1e-12);
        assert_eq!(ValueVerdicts::new(value, set.of(value), &Verdicts::new()), None);
    }
}
