//! The judgements of a run, as `results.json` keeps them.

use super::ask::JudgeSettings;
use super::stage::Judging;
use super::verdicts::{Judged, Spread};
use crate::report::{Place, Table};
use crate::run::{Observation, Role, Steering, StudyError};
use crate::stage::Compared;
use axia_values::dilemma::{Dilemma, DilemmaSet, Justification, Stance};
use axia_values::judgement::{
    GainSummary, JudgementRun, JudgementShift, ValueGain, VerdictDistribution,
    VerdictProbabilities, Verdicts,
};
use axia_values::stats::{BootstrapOptions, SampleSummary, mean};
use axia_values::taxonomy::{RefinedValue, Value};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Posts whose text and verdicts a summary holds; with more, the biggest movers alone.
const MOST_READINGS: usize = 120;

/// How a run's respondents judge dilemmas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgementSummary {
    /// Name of the set of dilemmas.
    pub dilemmas: String,
    /// Hash of the set's contents.
    pub hash: String,
    /// How posts were judged.
    pub settings: JudgeSettings,
    /// Factor on the run's adapters, where it is not 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// Posts judged.
    pub posts: usize,
    /// Every respondent's verdicts: base first, then control, then steered.
    pub respondents: Vec<RespondentVerdicts>,
    /// One shift for every respondent steered in one direction.
    pub shifts: Vec<JudgementShiftSummary>,
    /// Characters cut from the middle of posts for them to fit the model's context, by id.
    pub cut: BTreeMap<String, usize>,
    /// Posts with everybody's verdicts.
    pub readings: Vec<Reading>,
}

/// One respondent's verdicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RespondentVerdicts {
    /// `base`, `control`, `power-down`, …
    pub name: String,
    /// Its part in the study.
    pub role: Role,
    /// Over all posts.
    pub distribution: VerdictDistribution,
    /// What the way of asking changes.
    pub spread: Spread,
    /// Verdicts on posts without content, with calibration.
    pub content_free: Option<VerdictProbabilities>,
}

/// What steering changed in the judgement of dilemmas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgementShiftSummary {
    /// The steered respondent.
    pub respondent: String,
    /// Target in words: `Power, down`.
    pub title: String,
    /// The effect.
    pub against_control: JudgementShift,
    /// The same against the untouched model.
    pub against_base: JudgementShift,
}

/// A post with everybody's verdicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Id of the dilemma.
    pub id: String,
    /// The value at its centre.
    pub value: RefinedValue,
    /// The verdict of people high on it.
    pub high_stance: Stance,
    /// The verdict of people low on it.
    pub low_stance: Stance,
    /// The post.
    pub post: String,
    /// Why the stances are what they are.
    pub justification: Justification,
    /// Verdicts by respondent, in the order of the respondents.
    pub verdicts: Vec<(String, VerdictProbabilities)>,
}

impl JudgementSummary {
    /// Compares `judges`, who all judged `set`.
    ///
    /// # Errors
    /// [`StudyError::Setting`] where judgements cannot be compared.
    pub fn new(
        set: &DilemmaSet,
        settings: JudgeSettings,
        judges: &[Observation<Judged>],
        study: &Compared,
    ) -> Result<Self, StudyError> {
        let mut shifts = Vec::new();
        for steering in study.steerings {
            shifts.extend(shift(set, judges, steering, study.options)?);
        }
        let respondents = judges
            .iter()
            .map(|Observation { member, answers }| RespondentVerdicts {
                name: member.name.clone(),
                role: member.role,
                distribution: answers.distribution,
                spread: answers.spread,
                content_free: answers.content_free,
            })
            .collect();
        Ok(Self {
            dilemmas: set.name.clone(),
            hash: set.content_hash(),
            settings,
            scale: None,
            posts: set.dilemmas.len(),
            respondents,
            cut: judges.iter().flat_map(|judge| judge.answers.cut.clone()).collect(),
            readings: readings(set, judges, &shifts),
            shifts,
        })
    }
}

/// The shift of one steered respondent; nothing for a target that goes up and down at once, or that
/// is no value.
fn shift(
    set: &DilemmaSet,
    judges: &[Observation<Judged>],
    steering: &Steering,
    options: BootstrapOptions,
) -> Result<Option<JudgementShiftSummary>, StudyError> {
    let Some(direction) = steering.target.direction() else { return Ok(None) };
    let goals = steering.target.goals().filter_map(|(dimension, _)| dimension.value());
    let target: Vec<RefinedValue> = goals.flat_map(Value::refined).collect();
    let of = |role: Role, seed: Option<u64>| {
        let mut members = judges.iter();
        members
            .find(move |j| j.member.role == role && seed.is_none_or(|seed| j.member.seed == seed))
    };
    let against = |reference: Role| {
        let runs: Vec<JudgementRun> = judges
            .iter()
            .filter(|judge| {
                judge.member.role == Role::Steered && judge.member.steering == steering.name
            })
            .filter_map(|steered| {
                let seed = (reference == Role::Control).then_some(steered.member.seed);
                let control = &of(reference, seed)?.answers.verdicts;
                let (seed, steered) = (steered.member.seed, &steered.answers.verdicts);
                Some(JudgementRun { seed, control, steered })
            })
            .collect();
        JudgementShift::new(&runs, set, &target, direction, options)
            .map_err(|error| StudyError::Setting(error.to_string()))
    };
    Ok(Some(JudgementShiftSummary {
        respondent: steering.name.clone(),
        title: steering.title.clone(),
        against_control: against(Role::Control)?,
        against_base: against(Role::Base)?,
    }))
}

fn readings(
    set: &DilemmaSet,
    judges: &[Observation<Judged>],
    shifts: &[JudgementShiftSummary],
) -> Vec<Reading> {
    let movers: BTreeSet<&str> = shifts
        .iter()
        .flat_map(|shift| shift.against_control.movers.iter().map(|mover| mover.id.as_str()))
        .collect();
    let few = set.dilemmas.len() <= MOST_READINGS;
    let shown = set.dilemmas.iter().filter(|dilemma| few || movers.contains(dilemma.id.as_str()));
    let reading = |dilemma: &axia_values::dilemma::Dilemma| Reading {
        id: dilemma.id.clone(),
        value: dilemma.value,
        high_stance: dilemma.high_stance,
        low_stance: dilemma.low_stance,
        post: dilemma.post.clone(),
        justification: dilemma.justification.clone(),
        verdicts: judges
            .iter()
            .filter_map(|j| Some((j.member.name.clone(), *j.answers.verdicts.get(&dilemma.id)?)))
            .collect(),
    };
    shown.map(reading).collect()
}

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

impl Table {
    pub(in crate::stage) fn judgement(&mut self, judgement: &JudgementSummary) {
        judgement.respondents.iter().for_each(|one| self.respondent(one));
        judgement.shifts.iter().for_each(|shift| self.judgement_shift(shift));
        judgement.readings.iter().for_each(|reading| self.reading(reading));
        for (id, cut) in &judgement.cut {
            self.count(("all", "post", id), "characters-cut", *cut);
        }
    }

    fn respondent(&mut self, one: &RespondentVerdicts) {
        let place = (one.name.as_str(), "verdicts", "all");
        self.distribution(place, &one.distribution);
        self.number(place, "sd-ways", one.spread.ways);
        let spreads = [("sd-wordings", one.spread.wordings), ("sd-orders", one.spread.orders)];
        for (measure, spread) in spreads {
            if let Some(spread) = spread {
                self.number(place, measure, spread);
            }
        }
        if let Some(content_free) = &one.content_free {
            self.probabilities((&one.name, "verdicts", "content-free"), content_free);
        }
    }

    fn judgement_shift(&mut self, summary: &JudgementShiftSummary) {
        let comparisons = [
            ("steered-minus-control", &summary.against_control),
            ("steered-minus-base", &summary.against_base),
        ];
        for (comparison, shift) in comparisons {
            self.gains(&summary.respondent, comparison, shift);
        }
        let respondent = summary.respondent.as_str();
        for mover in &summary.against_control.movers {
            let place = (respondent, "mover", mover.id.as_str());
            self.number(place, "gain", mover.gain.full);
            self.number(place, "strict-gain", mover.gain.strict);
        }
        if let Some(verdicts) = &summary.against_control.target_verdicts {
            self.distribution((respondent, "target-verdicts", "control"), &verdicts.control);
            self.distribution((respondent, "target-verdicts", "steered"), &verdicts.steered);
        }
    }

    fn gains(&mut self, respondent: &str, comparison: &str, shift: &JudgementShift) {
        let parts = [
            ("on-target", shift.on_target.as_ref()),
            ("off-target", shift.off_target.as_ref()),
            ("overall", Some(&shift.overall)),
        ];
        for (name, gain) in parts {
            if let Some(gain) = gain {
                self.gain((respondent, "judgement", name), comparison, gain);
            }
        }
        let levels = [("judgement-basic", &shift.basic), ("judgement-refined", &shift.refined)];
        for (kind, gains) in levels {
            for ValueGain { value, gain, adjusted_p, adjusted_p_strict, .. } in gains {
                let place = (respondent, kind, value.slug());
                self.gain(place, comparison, gain);
                self.number(place, &format!("{comparison}-adjusted-p"), *adjusted_p);
                self.number(place, &format!("{comparison}-strict-adjusted-p"), *adjusted_p_strict);
            }
        }
    }

    fn gain(&mut self, place: Place<'_>, comparison: &str, gain: &GainSummary) {
        self.count(place, &format!("{comparison}-posts"), gain.full.clusters);
        self.sample(place, &format!("{comparison}-gain"), &gain.full);
        self.sample(place, &format!("{comparison}-strict-gain"), &gain.strict);
    }

    fn sample(&mut self, place: Place<'_>, measure: &str, sample: &SampleSummary) {
        self.estimate(place, &format!("{measure}-weighted"), &sample.weighted);
        self.estimate(place, &format!("{measure}-macro"), &sample.macro_average);
        self.number(place, &format!("{measure}-p"), sample.p_positive);
    }

    fn distribution(&mut self, place: Place<'_>, distribution: &VerdictDistribution) {
        self.count(place, "judgements", distribution.judgements);
        self.probabilities(place, &distribution.mean);
        for (stance, count) in Stance::ALL.into_iter().zip(distribution.argmax) {
            self.count(place, &measure("most-probable", stance), count);
        }
    }

    fn probabilities(&mut self, place: Place<'_>, probabilities: &VerdictProbabilities) {
        for stance in Stance::ALL {
            self.number(place, &measure("p", stance), probabilities.probability(stance));
        }
    }

    fn reading(&mut self, reading: &Reading) {
        for (respondent, probabilities) in &reading.verdicts {
            self.probabilities((respondent, "post", &reading.id), probabilities);
        }
    }
}

/// `p-nta`, `most-probable-neutral`.
fn measure(prefix: &str, stance: Stance) -> String {
    format!("{prefix}-{}", stance.label().to_lowercase())
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
