//! The main experiment: baseline, control, steered, evaluation, summary.

use super::Study;
use super::adapters::{Plan, Workshop};
use super::frontier::{Frontier, Validated};
use super::gates::gates;
use super::gates::notes;
use super::labels::{Arm, Baseline};
use super::summary::{Example, RespondentSummary, RunSummary, ShiftSummary, TrainingSummary};
use super::summary::{describe_model, describe_survey, machine, model_hashes, sha256_of};
use crate::respondent::Embedded;
use crate::run::{Follow, Member, Observation, Role, RunDir, Steering, StudyError};
use crate::stage::survey::{self, Administration, Asked, rows_of};
use crate::stage::{Answers, Asking, Compared};
use axia_values::instrument::{Instrument, Item, Split, Variant};
use axia_values::profile::{Answer, Profile, Response, Scores};
use axia_values::shift::{Comparison, ControlCheck, DomainShift, ShiftRun};
use axia_values::stats::BootstrapOptions;
use axia_values::target::Target;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// How long the phases took that are over.
const TIMINGS: &str = "timings.json";

/// A study under way in its folder.
pub struct Experiment<'a> {
    pub(super) study: &'a Study<'a>,
    pub(super) dir: RunDir,
    hashes: BTreeMap<String, String>,
    timings: Vec<(String, f64)>,
    /// What the members answered in the survey.
    survey: Vec<Observation<Vec<Response>>>,
    /// What they answered beside it.
    answers: Answers,
    frontiers: Vec<Frontier>,
}

impl<'a> Experiment<'a> {
    /// Opens the run's folder, or goes on in it.
    ///
    /// # Errors
    /// [`StudyError::Occupied`] when it holds another run, [`StudyError::Setting`].
    pub fn open(study: &'a Study<'a>, dir: &Path) -> Result<Self, StudyError> {
        study.check()?;
        let mut hashes = BTreeMap::new();
        hashes.extend(model_hashes(study.model.path())?);
        hashes.insert("survey".to_owned(), study.instrument.content_hash());
        let targets: Vec<_> = study
            .steerings
            .iter()
            .map(|s| {
                let goals = s.target.goals().map(|(d, r)| (d.key(), r.get()));
                json!({"name": s.name, "goals": goals.collect::<BTreeMap<_, _>>()})
            })
            .collect();
        let mut manifest = json!({
            "format_version": 1,
            "model": study.model_name,
            "survey": study.instrument.name,
            "hashes": hashes,
            "targets": targets,
            "settings": study.settings,
        });
        if let Some(manifest) = manifest.as_object_mut() {
            manifest.extend(study.stages.manifest());
        }
        let dir = RunDir::open(dir, &manifest)?;
        let timings = if dir.has(TIMINGS) { dir.read(TIMINGS)? } else { Vec::new() };
        let (survey, answers, frontiers) = (Vec::new(), Answers::default(), Vec::new());
        Ok(Self { study, dir, hashes, timings, survey, answers, frontiers })
    }

    /// Runs what is not there yet and summarises all.
    ///
    /// # Errors
    /// [`StudyError`]; after a cancellation the run can be taken up again.
    pub fn run(mut self, follow: &mut dyn Follow) -> Result<RunSummary, StudyError> {
        let base = Embedded::new(self.study.model, None);
        self.observe(&Member::base(), &base, follow)?;
        let mut training = Vec::new();
        if !self.study.steerings.is_empty() {
            let baseline = self.baseline(&base, follow)?;
            let validated = self.validate("base", &base, follow)?;
            drop(base);
            for &seed in &self.study.settings.seeds {
                let known = (&baseline, validated.as_ref());
                self.steer(seed, known, &mut training, follow)?;
            }
        }
        self.summarise(training)
    }

    /// Makes control and steered adapters of one seed and evaluates them.
    fn steer(
        &mut self,
        seed: u64,
        (baseline, validated): (&Baseline, Option<&Validated>),
        training: &mut Vec<TrainingSummary>,
        follow: &mut dyn Follow,
    ) -> Result<(), StudyError> {
        let study = self.study;
        let dir = self.dir.clone();
        let workshop = Workshop {
            model: study.model,
            model_name: &study.model_name,
            instrument: study.instrument,
            baseline,
            settings: &study.settings,
            dir: &dir,
            tensorboard: study.tensorboard,
            max_tokens: study.max_tokens,
            recompute: study.recompute,
        };
        // The control's rows do not depend on the target: it learns the baseline everywhere.
        let first = &study.steerings[0].target;
        let mut control = None;
        for steering in std::iter::once(None).chain(study.steerings.iter().map(Some)) {
            let several = study.settings.seeds.len() > 1;
            let trained = |role, steering| Member::trained(role, steering, seed, several);
            let (member, arm, target) = match steering {
                None => (trained(Role::Control, "control"), Arm::Control, first),
                Some(s) => (trained(Role::Steered, &s.name), Arm::Steered, &s.target),
            };
            let name = &member.name;
            let started = Instant::now();
            let plan = Plan { name, arm, target, seed };
            training.push(workshop.make(&plan, follow)?);
            self.took(format!("train {name}"), started)?;
            let folder = self.dir.join(format!("adapters/{name}"));
            self.hashes.insert(format!("adapter {name}"), sha256_of(&folder)?);
            if let (Some(steering), Some(base), Some(control)) = (steering, validated, &control) {
                let whose = (name.as_str(), steering, seed);
                let frontier = self.turn_up(whose, (base, control), &folder, follow)?;
                self.frontiers.push(frontier);
            }
            let respondent = Embedded::new(study.model, Some(study.model.read_adapter(&folder)?));
            if steering.is_none() {
                control = self.validate(name, &respondent, follow)?;
            }
            self.observe(&member, &respondent, follow)?;
        }
        Ok(())
    }

    /// Notes how long a phase took.
    pub(super) fn took(&mut self, phase: String, started: Instant) -> Result<(), StudyError> {
        took(&self.dir, &mut self.timings, phase, started)
    }

    /// Has a respondent do all that the study asks of respondents.
    fn observe(
        &mut self,
        member: &Member,
        respondent: &Embedded,
        follow: &mut dyn Follow,
    ) -> Result<(), StudyError> {
        let (study, dir, name) = (self.study, self.dir.clone(), &member.name);
        let started = Instant::now();
        let rows = rows_of(study.instrument, &[Split::Test], study.settings.test_variants);
        let (cell, phase) = (format!("responses/{name}.jsonl"), format!("evaluating {name}"));
        let how = study.settings.evaluation();
        let answers = self.ask(rows, how, (&cell, &phase), respondent, follow)?;
        self.survey.push(Observation { member: member.clone(), answers });
        self.took(format!("evaluate {name}"), started)?;

        let (timings, follow) = (&mut self.timings, &mut *follow);
        let mut took = |phase, started| took(&dir, timings, phase, started);
        let asking = Asking { dir: &dir, member, respondent, follow, took: &mut took };
        study.stages.ask(asking, &mut self.answers)
    }

    /// Asks rows of the survey, given by their items' places in it and their ways of asking.
    pub(super) fn ask(
        &self,
        rows: Vec<(usize, Variant)>,
        how: Administration,
        (cell, phase): (&str, &str),
        respondent: &Embedded,
        follow: &mut dyn Follow,
    ) -> Result<Vec<Response>, StudyError> {
        let instrument = self.study.instrument;
        survey::ask(&Asked { instrument, rows, how, cell, phase }, &self.dir, respondent, follow)
    }

    fn summarise(self, training: Vec<TrainingSummary>) -> Result<RunSummary, StudyError> {
        let study = self.study;
        let settings = &study.settings;
        let answered = &self.survey;
        let scores = answered
            .iter()
            .map(|a| Scores::new(study.instrument, &a.answers, settings.readout))
            .collect::<Result<Vec<_>, _>>()?;
        let options =
            BootstrapOptions { resamples: settings.resamples, ..BootstrapOptions::default() };
        let respondents = answered
            .iter()
            .zip(&scores)
            .map(|(a, scores)| {
                let profile = Profile::new(scores, options)?;
                Ok(RespondentSummary::new(a.member.clone(), profile))
            })
            .collect::<Result<Vec<_>, StudyError>>()?;
        let controls = controls(answered, &scores);
        let mut effects = Vec::new();
        for steering in &study.steerings {
            let runs = self.runs(steering, &scores);
            effects.push(DomainShift::new(&runs, &steering.target, options)?);
        }
        let of_survey = study.steerings.iter().zip(&effects);
        let of_survey: Vec<(String, Comparison)> =
            of_survey.map(|(s, e)| (s.name.clone(), e.against_control.clone())).collect();
        let compared = Compared { steerings: &study.steerings, survey: &of_survey, options };
        let stages = study.stages.summarise(&self.answers, &compared)?;
        let mut shifts = Vec::new();
        for (steering, shift) in study.steerings.iter().zip(effects) {
            let (respondent, title) = (steering.name.clone(), steering.title.clone());
            let effects = (respondent.as_str(), &shift.against_control);
            let budget = settings.language_budget;
            let gates = gates(effects, &controls, &respondents, stages.perplexity.as_ref(), budget);
            shifts.push(ShiftSummary { respondent, title, shift, gates });
        }
        let model = describe_model(&study.model_name, study.model)?;
        let targets: Vec<&Target> = study.steerings.iter().map(|s| &s.target).collect();
        let named: Vec<(String, Vec<Response>)> =
            answered.iter().map(|a| (a.member.name.clone(), a.answers.clone())).collect();
        Ok(RunSummary {
            format_version: RunSummary::FORMAT_VERSION,
            name: study.name.clone(),
            created: now(),
            axia_version: env!("CARGO_PKG_VERSION").to_owned(),
            command: study.command.clone(),
            survey: describe_survey(study.instrument, settings),
            machine: machine(),
            settings: settings.describe(),
            anchors: (!study.steerings.is_empty()).then_some(settings.anchors),
            hashes: self.hashes,
            notes: notes(
                &model,
                settings,
                &respondents,
                &shifts,
                &self.frontiers,
                stages.perplexity.as_ref(),
            ),
            controls,
            frontiers: self.frontiers,
            examples: examples(study.instrument, &targets, &named),
            stages,
            model,
            respondents,
            shifts,
            training,
            timings: self.timings,
        })
    }

    /// The respondents of every seed for one steering; `scores` are those of the survey's observations.
    fn runs<'s>(&self, steering: &Steering, scores: &'s [Scores]) -> Vec<ShiftRun<'s>> {
        let members = || self.survey.iter().map(|one| &one.member).zip(scores);
        let find = |role: Role, name: &str, seed: u64| {
            let mut found = members().filter(|(member, _)| member.role == role);
            let found = found.find(|(member, _)| {
                role == Role::Base || member.steering == name && member.seed == seed
            });
            found.map(|(_, scores)| scores)
        };
        let controls = members().filter(|(member, _)| member.role == Role::Control);
        controls
            .filter_map(|(control, scores)| {
                Some(ShiftRun {
                    seed: control.seed,
                    base: find(Role::Base, "", 0),
                    control: scores,
                    steered: find(Role::Steered, &steering.name, control.seed)?,
                })
            })
            .collect()
    }
}

/// Notes how long a phase took, unless that is known: a run that is taken up again only reads what
/// the earlier one computed.
fn took(
    dir: &RunDir,
    timings: &mut Vec<(String, f64)>,
    phase: String,
    started: Instant,
) -> Result<(), StudyError> {
    if timings.iter().all(|(known, _)| *known != phase) {
        timings.push((phase, started.elapsed().as_secs_f64()));
        dir.write(TIMINGS, timings)?;
    }
    Ok(())
}

/// What every control kept of the base's answers.
fn controls(answered: &[Observation<Vec<Response>>], scores: &[Scores]) -> Vec<ControlCheck> {
    let members = || answered.iter().map(|one| &one.member).zip(scores);
    let Some((_, base)) = members().find(|(member, _)| member.role == Role::Base) else {
        return Vec::new();
    };
    let controls = members().filter(|(member, _)| member.role == Role::Control);
    controls.filter_map(|(member, scores)| ControlCheck::new(member.seed, base, scores)).collect()
}

/// The present time as RFC 3339 in UTC.
fn now() -> String {
    humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string()
}

/// Items shown of each kind.
const TARGETS: usize = 6;
const OTHERS: usize = 6;

/// Picks held-out items: those aimed at first, then others spread over the survey.
pub fn examples(
    instrument: &Instrument,
    targets: &[&Target],
    respondents: &[(String, Vec<Response>)],
) -> Vec<Example> {
    let answered = |item: &&Item| respondents.iter().all(|(_, r)| mean(r, &item.id).is_some());
    let items: Vec<&Item> = instrument.split(Split::Test).filter(answered).collect();
    let is_target = |item: &Item| targets.iter().any(|t| t.goal(&item.dimension).is_some());
    let (aimed, others): (Vec<&Item>, Vec<&Item>) = items.into_iter().partition(|i| is_target(i));
    let spread = |items: Vec<&'_ Item>, most: usize| -> Vec<String> {
        let step = items.len().div_ceil(most).max(1);
        items.iter().step_by(step).map(|i| i.id.clone()).collect()
    };
    let chosen = spread(aimed, TARGETS).into_iter().chain(spread(others, OTHERS));
    chosen
        .filter_map(|id| instrument.item(&id))
        .map(|item| {
            let means = respondents.iter().filter_map(|(name, r)| Some((name, mean(r, &item.id)?)));
            let (ratings, probabilities) =
                means.map(|(name, p)| ((name.clone(), expected(&p)), p)).unzip();
            Example {
                item: item.id.clone(),
                dimension: item.dimension.key(),
                is_target: is_target(item),
                statement: item.statement.clone(),
                ratings,
                probabilities,
            }
        })
        .collect()
}

fn expected(p: &[f64; 6]) -> f64 {
    p.iter().zip(1..).map(|(p, r)| p * f64::from(r)).sum()
}

/// Mean probabilities of the ratings over an item's variants; shares of the votes where replies
/// were sampled.
fn mean(responses: &[Response], id: &str) -> Option<[f64; 6]> {
    let mut sum = [0.0; 6];
    for response in responses.iter().filter(|r| r.item == id) {
        match &response.answer {
            Answer::Scored(p) => sum.iter_mut().zip(p.probabilities()).for_each(|(s, p)| *s += p),
            Answer::Sampled(votes) => {
                votes.iter().flatten().for_each(|vote| sum[usize::from(vote.get()) - 1] += 1.0);
            }
        }
    }
    let total: f64 = sum.iter().sum();
    (total > 0.0).then(|| sum.map(|s| s / total))
}
