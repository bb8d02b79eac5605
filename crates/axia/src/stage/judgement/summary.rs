//! The judgements of a run, as `results.json` keeps them.

use super::ask::JudgeSettings;
use super::verdicts::{Judged, Spread};
use crate::run::{Observation, Role, Steering, StudyError};
use crate::stage::Compared;
use axia_values::dilemma::{DilemmaSet, Justification, Stance};
use axia_values::judgement::{
    JudgementRun, JudgementShift, VerdictDistribution, VerdictProbabilities,
};
use axia_values::stats::BootstrapOptions;
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
