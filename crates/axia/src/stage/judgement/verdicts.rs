//! From answers to verdicts: calibration, averaging over ways of asking, and what those change.

use super::ask::Way;
use super::ask::{JudgeSettings, Judgement, content_free_id};
use crate::run::StudyError;
use axia_values::dilemma::{DilemmaSet, Stance};
use axia_values::judgement::{
    CONTENT_FREE, Calibration, VerdictDistribution, VerdictProbabilities, Verdicts,
};
use axia_values::stats::{mean, sample_sd};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How much the way of asking changes the probability of a verdict: standard deviations, averaged
/// over posts and verdicts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Over all ways.
    pub ways: f64,
    /// Over wordings, each averaged over its orders; nothing where each wording has one order.
    pub wordings: Option<f64>,
    /// Over orders of the verdicts, each averaged over wordings; nothing where each order has one
    /// wording.
    pub orders: Option<f64>,
}

/// One respondent's verdicts.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// By the ids of the dilemmas: means over ways of asking, calibrated if that was asked for.
    pub verdicts: Verdicts,
    /// Over all posts.
    pub distribution: VerdictDistribution,
    /// On posts without content, mean over ways; with calibration only.
    pub content_free: Option<VerdictProbabilities>,
    /// What the way of asking changes.
    pub spread: Spread,
    /// Characters cut, by the ids of the posts that were cut.
    pub cut: BTreeMap<String, usize>,
}

type ByWay = BTreeMap<Way, VerdictProbabilities>;

impl Judged {
    /// Reads `rows`, which answer all posts of `set`.
    ///
    /// # Errors
    /// [`StudyError::Setting`] for probabilities that are none, for a respondent that cannot be
    /// calibrated, and for rows about no post of `set`.
    pub fn new(
        rows: &[Judgement],
        set: &DilemmaSet,
        settings: JudgeSettings,
    ) -> Result<Self, StudyError> {
        let mut posts: BTreeMap<&str, ByWay> = BTreeMap::new();
        for row in rows {
            let p = VerdictProbabilities::from_log_likelihoods(row.scores).map_err(wrong)?;
            posts.entry(&row.post).or_default().insert(row.way, p);
        }
        let content_free: Vec<ByWay> = (0..CONTENT_FREE.len())
            .filter_map(|index| posts.remove(content_free_id(index).as_str()))
            .collect();
        if settings.calibrate {
            calibrate(&mut posts, &content_free)?;
        }
        posts.retain(|id, _| set.dilemma(id).is_some());
        let verdicts: Verdicts = posts
            .iter()
            .filter_map(|(id, ways)| Some(((*id).to_owned(), average(ways.values())?)))
            .collect();
        let distribution = VerdictDistribution::new(verdicts.values())
            .ok_or_else(|| wrong("no post of the set was judged"))?;
        Ok(Self {
            distribution,
            content_free: average(content_free.iter().flat_map(BTreeMap::values)),
            spread: Spread::new(posts.values()),
            cut: rows.iter().filter(|r| r.cut > 0).map(|r| (r.post.clone(), r.cut)).collect(),
            verdicts,
        })
    }
}

fn wrong(error: impl ToString) -> StudyError {
    StudyError::Setting(error.to_string())
}

fn average<'a>(
    all: impl IntoIterator<Item = &'a VerdictProbabilities>,
) -> Option<VerdictProbabilities> {
    VerdictProbabilities::mean(all)
}

/// Takes the bias of each way of asking out of the verdicts asked in that way.
fn calibrate(posts: &mut BTreeMap<&str, ByWay>, content_free: &[ByWay]) -> Result<(), StudyError> {
    let mut by_way: BTreeMap<Way, Vec<VerdictProbabilities>> = BTreeMap::new();
    for (&way, &p) in content_free.iter().flatten() {
        by_way.entry(way).or_default().push(p);
    }
    for ways in posts.values_mut() {
        for (way, p) in ways.iter_mut() {
            let bias = by_way.get(way).map_or(&[][..], Vec::as_slice);
            *p = Calibration::new(bias).map_err(wrong)?.apply(p);
        }
    }
    Ok(())
}

impl Spread {
    fn new<'a>(posts: impl Iterator<Item = &'a ByWay> + Clone) -> Self {
        let over = |key: fn(&Way) -> usize| -> Option<f64> {
            let confounded = |ways: &ByWay| {
                let mut keys: Vec<usize> = ways.keys().map(key).collect();
                keys.sort_unstable();
                keys.dedup();
                keys.len() == ways.len()
            };
            if posts.clone().all(confounded) {
                return None;
            }
            deviation(posts.clone().map(|ways| {
                let mut groups: BTreeMap<usize, Vec<&VerdictProbabilities>> = BTreeMap::new();
                ways.iter().for_each(|(way, p)| groups.entry(key(way)).or_default().push(p));
                groups.into_values().filter_map(average).collect()
            }))
        };
        Self {
            ways: deviation(posts.clone().map(|ways| ways.values().copied().collect()))
                .unwrap_or_default(),
            wordings: over(|way| way.wording),
            orders: over(|way| way.order),
        }
    }
}

/// Standard deviation of each verdict's probability within each group, averaged over both.
fn deviation(groups: impl Iterator<Item = Vec<VerdictProbabilities>>) -> Option<f64> {
    let of = |group: &[VerdictProbabilities], stance: Stance| {
        sample_sd(&group.iter().map(|p| p.probability(stance)).collect::<Vec<_>>())
    };
    mean(groups.flat_map(|group| Stance::ALL.map(|stance| of(&group, stance))).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::judgement::Ways;
    use axia_values::dilemma::{Dilemma, Justification, Provenance};
    use axia_values::taxonomy::RefinedValue;

    fn set() -> DilemmaSet {
        let dilemma = |id: &str| Dilemma {
            id: id.to_owned(),
            value: RefinedValue::Face,
            high_stance: Stance::Nta,
            low_stance: Stance::Yta,
            post: id.to_owned(),
            justification: Justification::default(),
            provenance: Provenance::Original,
        };
        DilemmaSet {
            name: "two".to_owned(),
            licence: None,
            dilemmas: vec![dilemma("a"), dilemma("b")],
        }
    }

    fn row(post: &str, wording: usize, order: usize, p: [f64; 3]) -> Judgement {
        let way = Way { wording, order };
        Judgement { post: post.to_owned(), way, scores: p.map(f64::ln), cut: 0 }
    }

    fn settings(calibrate: bool) -> JudgeSettings {
        JudgeSettings { ways: Ways::Rotations, calibrate, chat: false }
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }

    #[test]
    fn verdicts_are_means_and_spreads_by_hand() {
        // Post a: wordings differ by 0.2 in NTA and in YTA, orders do not; b is the same always.
        let rows = [
            row("a", 0, 0, [0.6, 0.2, 0.2]),
            row("a", 0, 1, [0.6, 0.2, 0.2]),
            row("a", 1, 0, [0.4, 0.4, 0.2]),
            row("a", 1, 1, [0.4, 0.4, 0.2]),
            row("b", 0, 0, [0.1, 0.1, 0.8]),
            row("b", 1, 1, [0.1, 0.1, 0.8]),
        ];
        let judged = Judged::new(&rows, &set(), settings(false)).unwrap();
        let [nta, yta, neutral] = judged.verdicts["a"].probabilities();
        near(nta, 0.5);
        near(yta, 0.3);
        near(neutral, 0.2);
        assert_eq!(judged.distribution.argmax, [1, 0, 1]);
        // sd(0.6, 0.4) = 0.2/√2, for 2 of the 6 (post, verdict) pairs.
        near(judged.spread.wordings.unwrap(), 0.2 / 2f64.sqrt() * 2.0 / 6.0);
        near(judged.spread.orders.unwrap(), 0.0);
        // sd(0.6, 0.6, 0.4, 0.4) = √(0.04 / 3).
        near(judged.spread.ways, (0.04f64 / 3.0).sqrt() * 2.0 / 6.0);
        assert!(judged.content_free.is_none() && judged.cut.is_empty());
    }

    #[test]
    fn calibration_is_by_way_of_asking() {
        // One wording likes NTA, the other YTA; both say of `a` what they say of nothing.
        let rows = [
            row("content-free-1", 0, 0, [0.6, 0.2, 0.2]),
            row("content-free-1", 1, 1, [0.2, 0.6, 0.2]),
            row("a", 0, 0, [0.6, 0.2, 0.2]),
            row("a", 1, 1, [0.2, 0.6, 0.2]),
        ];
        let judged = Judged::new(&rows, &set(), settings(true)).unwrap();
        judged.verdicts["a"].probabilities().into_iter().for_each(|p| near(p, 1.0 / 3.0));
        near(judged.content_free.unwrap().probabilities()[0], 0.4);
        assert_eq!(judged.spread.wordings, None, "each wording has one order");

        let without = Judged::new(&rows[2..], &set(), settings(true)).unwrap_err().to_string();
        assert!(without.contains("content-free"), "{without}");
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        let mut broken = row("a", 0, 0, [0.5, 0.3, 0.2]);
        broken.scores[1] = f64::NAN;
        assert!(Judged::new(&[broken], &set(), settings(false)).is_err());
        assert!(Judged::new(&[], &set(), settings(false)).is_err());
    }
}
