//! The main experiment: baseline, control, steered, evaluation, summary.

use super::adapters::{Plan, Workshop};
use super::examples::examples;
use super::frontier::{Frontier, Validated};
use super::gates::gates;
use super::labels::{Arm, Baseline};
use super::notes::notes;
use super::provenance::{describe_model, describe_survey, machine, model_hashes, sha256_of};
use super::rows::Rows;
use super::summary::{RespondentSummary, Role, RunSummary, ShiftSummary, TrainingSummary};
use super::survey::{Administration, administer};
use super::{Follow, RunDir, Steering, Study, StudyError};
use crate::judge::{Aim, Judge, Judging};
use crate::perplexity::{Measuring, PerplexityReader};
use crate::play::{PlayAim, PlayRole, PlaySummary, Player, Playing};
use crate::respondent::Embedded;
use axia_values::instrument::{Item, Split};
use axia_values::profile::{Profile, Response, Scores};
use axia_values::shift::{ControlCheck, DomainShift, ShiftRun};
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
    readers: Vec<PerplexityReader>,
    judges: Vec<Judge>,
    players: Vec<Player>,
    frontiers: Vec<Frontier>,
}

/// A survey to be given, and where its answers go.
pub(super) struct Survey<'a> {
    pub cell: &'a str,
    /// What the user is told.
    pub phase: &'a str,
    pub splits: &'a [Split],
    pub how: Administration,
}

/// Items asked together: enough for their questions to share instructions, few enough for a
/// killed run to lose little.
const ITEMS_AT_ONCE: usize = 27;

/// A respondent whose turn it is.
#[derive(Clone)]
struct Sitting {
    /// With the seed, where there are several.
    name: String,
    /// Its name without the seed.
    steering: String,
    role: Role,
    seed: u64,
}

/// A respondent's answers to the held-out items.
struct Answered {
    name: String,
    role: Role,
    seed: u64,
    responses: Vec<Response>,
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
        let manifest = json!({
            "format_version": 1,
            "model": study.model_name,
            "survey": study.instrument.name,
            "hashes": hashes,
            "targets": targets,
            "settings": study.settings,
            "perplexity": study.measuring.as_ref().map(Measuring::manifest),
            "judgement": study.judging.as_ref().map(Judging::manifest),
            "play": study.playing.as_ref().map(Playing::manifest),
        });
        let dir = RunDir::open(dir, &manifest)?;
        let timings = if dir.has(TIMINGS) { dir.read(TIMINGS)? } else { Vec::new() };
        let (readers, judges, players) = (Vec::new(), Vec::new(), Vec::new());
        let frontiers = Vec::new();
        Ok(Self { study, dir, hashes, timings, readers, judges, players, frontiers })
    }

    /// Runs what is not there yet and summarises all.
    ///
    /// # Errors
    /// [`StudyError`]; after a cancellation the run can be taken up again.
    pub fn run(mut self, follow: &mut dyn Follow) -> Result<RunSummary, StudyError> {
        let base = Embedded::new(self.study.model, None);
        let sitting = Sitting {
            name: "base".to_owned(),
            steering: "base".to_owned(),
            role: Role::Base,
            seed: 0,
        };
        let mut answered = vec![self.observe(&sitting, &base, follow)?];
        let mut training = Vec::new();
        if !self.study.steerings.is_empty() {
            let baseline = self.baseline(&base, follow)?;
            let validated = self.validate("base", &base, follow)?;
            drop(base);
            for &seed in &self.study.settings.seeds {
                let known = (&baseline, validated.as_ref());
                self.steer(seed, known, &mut answered, &mut training, follow)?;
            }
        }
        self.summarise(&answered, training)
    }

    /// Makes control and steered adapters of one seed and evaluates them.
    fn steer(
        &mut self,
        seed: u64,
        (baseline, validated): (&Baseline, Option<&Validated>),
        answered: &mut Vec<Answered>,
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
            let (own, arm, target, role) = match steering {
                None => ("control", Arm::Control, first, Role::Control),
                Some(s) => (s.name.as_str(), Arm::Steered, &s.target, Role::Steered),
            };
            let name = self.seeded(own, seed);
            let started = Instant::now();
            let plan = Plan { name: &name, arm, target, seed };
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
                control = self.validate(&name, &respondent, follow)?;
            }
            let sitting = Sitting { name, steering: own.to_owned(), role, seed };
            answered.push(self.observe(&sitting, &respondent, follow)?);
        }
        Ok(())
    }

    /// Notes how long a phase took, unless that is known: a run that is taken up again only reads
    /// what the earlier one computed.
    pub(super) fn took(&mut self, phase: String, started: Instant) -> Result<(), StudyError> {
        if self.timings.iter().all(|(known, _)| *known != phase) {
            self.timings.push((phase, started.elapsed().as_secs_f64()));
            self.dir.write(TIMINGS, &self.timings)?;
        }
        Ok(())
    }

    fn seeded(&self, name: &str, seed: u64) -> String {
        if self.study.settings.seeds.len() == 1 {
            name.to_owned()
        } else {
            format!("{name}-seed{seed}")
        }
    }

    /// Has a respondent do all that the study asks of respondents.
    fn observe(
        &mut self,
        sitting: &Sitting,
        respondent: &Embedded,
        follow: &mut dyn Follow,
    ) -> Result<Answered, StudyError> {
        let answered = self.evaluate(sitting, respondent, follow)?;
        self.measure(sitting, respondent, follow)?;
        self.judge(sitting, respondent, follow)?;
        self.play(sitting, respondent, follow)?;
        Ok(answered)
    }

    fn evaluate(
        &mut self,
        Sitting { name, role, seed, .. }: &Sitting,
        respondent: &Embedded,
        follow: &mut dyn Follow,
    ) -> Result<Answered, StudyError> {
        let cell = format!("responses/{name}.jsonl");
        let started = Instant::now();
        let survey = Survey {
            cell: &cell,
            phase: &format!("evaluating {name}"),
            splits: &[Split::Test],
            how: self.study.settings.evaluation(),
        };
        let responses = self.ask(&survey, respondent, follow)?;
        self.took(format!("evaluate {name}"), started)?;
        Ok(Answered { name: name.clone(), role: *role, seed: *seed, responses })
    }

    /// Has a respondent read the neutral text, if the study has any.
    fn measure(
        &mut self,
        sitting: &Sitting,
        respondent: &Embedded,
        follow: &mut dyn Follow,
    ) -> Result<(), StudyError> {
        let Some(measuring) = &self.study.measuring else { return Ok(()) };
        let started = Instant::now();
        let readings = measuring.read(&self.dir, &sitting.name, respondent, follow)?;
        self.took(format!("read as {}", sitting.name), started)?;
        let Sitting { name, steering, role, seed } = sitting.clone();
        self.readers.push(PerplexityReader { name, steering, role, seed, readings });
        Ok(())
    }

    /// Has a respondent judge the dilemmas, if the study has any.
    fn judge(
        &mut self,
        sitting: &Sitting,
        respondent: &Embedded,
        follow: &mut dyn Follow,
    ) -> Result<(), StudyError> {
        let Some(judging) = &self.study.judging else { return Ok(()) };
        let started = Instant::now();
        let judged = judging.ask(&self.dir, &sitting.name, respondent, follow)?;
        self.took(format!("judge as {}", sitting.name), started)?;
        let Sitting { name, steering, role, seed } = sitting.clone();
        self.judges.push(Judge { name, steering, role, seed, judged });
        Ok(())
    }

    /// Has a respondent play the games, if the study has any.
    fn play(
        &mut self,
        sitting: &Sitting,
        respondent: &Embedded,
        follow: &mut dyn Follow,
    ) -> Result<(), StudyError> {
        let Some(playing) = &self.study.playing else { return Ok(()) };
        let started = Instant::now();
        let turns = playing.ask(&self.dir, &sitting.name, respondent, follow)?;
        self.took(format!("play as {}", sitting.name), started)?;
        let Sitting { name, steering, role, seed } = sitting.clone();
        self.players.push(Player { name, steering, role: PlayRole::from(role), seed, turns });
        Ok(())
    }

    /// The answers to a survey: what the run's folder has of them, and the rest asked now, written
    /// as they come.
    pub(super) fn ask(
        &self,
        survey: &Survey,
        respondent: &Embedded,
        follow: &mut dyn Follow,
    ) -> Result<Vec<Response>, StudyError> {
        let instrument = self.study.instrument;
        let asked = |item: &Item| survey.splits.contains(&item.split);
        let items: Vec<(usize, &Item)> =
            instrument.items.iter().enumerate().filter(|(_, item)| asked(item)).collect();
        let per_item = survey.how.variants.per_item(instrument);
        let mut rows: Rows<Response> = self.dir.rows(survey.cell)?;
        if !rows.is_whole() {
            let whole_items = rows.rows().len() / per_item;
            rows.truncate(whole_items * per_item)?;
            follow.begin(survey.phase, items.len() * per_item);
            for items in items[whole_items.min(items.len())..].chunks(ITEMS_AT_ONCE) {
                let before = rows.rows().len();
                let mut progress = |done: usize| {
                    follow.advance(before + done, "");
                    !follow.cancelled()
                };
                rows.append(administer(respondent, instrument, items, survey.how, &mut progress)?)?;
            }
            rows.finish()?;
            follow.end();
        }
        Ok(rows.into_rows())
    }

    fn summarise(
        self,
        answered: &[Answered],
        training: Vec<TrainingSummary>,
    ) -> Result<RunSummary, StudyError> {
        let study = self.study;
        let settings = &study.settings;
        let scores = answered
            .iter()
            .map(|a| Scores::new(study.instrument, &a.responses, settings.readout))
            .collect::<Result<Vec<_>, _>>()?;
        let options =
            BootstrapOptions { resamples: settings.resamples, ..BootstrapOptions::default() };
        let respondents = answered
            .iter()
            .zip(&scores)
            .map(|(a, scores)| {
                let profile = Profile::new(scores, options)?;
                Ok(RespondentSummary { name: a.name.clone(), role: a.role, profile })
            })
            .collect::<Result<Vec<_>, StudyError>>()?;
        let perplexity = study
            .measuring
            .as_ref()
            .map(|measuring| measuring.summarise(&self.readers, &study.steerings, options));
        let controls = controls(answered, &scores);
        let mut shifts = Vec::new();
        for steering in &study.steerings {
            let runs = self.runs(steering, answered, &scores);
            let shift = DomainShift::new(&runs, &steering.target, options)?;
            let (respondent, title) = (steering.name.clone(), steering.title.clone());
            let effects = (respondent.as_str(), &shift.against_control);
            let budget = settings.language_budget;
            let gates = gates(effects, &controls, &respondents, perplexity.as_ref(), budget);
            shifts.push(ShiftSummary { respondent, title, shift, gates });
        }
        let aims = study.steerings.iter().map(|s| Aim {
            name: &s.name,
            title: &s.title,
            target: &s.target,
        });
        let aims: Vec<Aim> = aims.collect();
        let judgement = match &study.judging {
            Some(judging) => Some(judging.summarise(&self.judges, &aims, options)?),
            None => None,
        };
        let play = match &study.playing {
            Some(playing) => Some(self.summarise_play(playing, &shifts, options)?),
            None => None,
        };
        let model = describe_model(&study.model_name, study.model)?;
        let targets: Vec<&Target> = study.steerings.iter().map(|s| &s.target).collect();
        let named: Vec<(String, Vec<Response>)> =
            answered.iter().map(|a| (a.name.clone(), a.responses.clone())).collect();
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
            notes: notes(&model, settings, &respondents, &shifts, perplexity.as_ref()),
            controls,
            frontiers: self.frontiers,
            examples: examples(study.instrument, &targets, &named),
            perplexity,
            judgement,
            play,
            model,
            respondents,
            shifts,
            training,
            timings: self.timings,
        })
    }

    fn summarise_play(
        &self,
        playing: &Playing,
        shifts: &[ShiftSummary],
        options: BootstrapOptions,
    ) -> Result<PlaySummary, StudyError> {
        let aims = self.study.steerings.iter().map(|s| PlayAim::new(s, shifts));
        playing.summarise(&self.players, &aims.collect::<Vec<_>>(), options)
    }

    /// The respondents of every seed for one steering.
    fn runs<'s>(
        &self,
        steering: &Steering,
        answered: &[Answered],
        scores: &'s [Scores],
    ) -> Vec<ShiftRun<'s>> {
        let find = |name: &str| answered.iter().position(|a| a.name == name).map(|i| &scores[i]);
        let seeds = answered.iter().filter(|a| a.role == Role::Control).map(|a| a.seed);
        seeds
            .filter_map(|seed| {
                Some(ShiftRun {
                    seed,
                    base: find("base"),
                    control: find(&self.seeded("control", seed))?,
                    steered: find(&self.seeded(&steering.name, seed))?,
                })
            })
            .collect()
    }
}

/// What every control kept of the base's answers.
fn controls(answered: &[Answered], scores: &[Scores]) -> Vec<ControlCheck> {
    let Some((_, base)) = answered.iter().zip(scores).find(|(a, _)| a.role == Role::Base) else {
        return Vec::new();
    };
    let controls = answered.iter().zip(scores).filter(|(a, _)| a.role == Role::Control);
    controls.filter_map(|(a, scores)| ControlCheck::new(a.seed, base, scores)).collect()
}

/// The present time as RFC 3339 in UTC.
fn now() -> String {
    humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string()
}
