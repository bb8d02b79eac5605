//! Arguments that `axia steer` and `axia run` share, and their resolution.

use super::failure::{Failure, Outcome};
use super::failure::{print, print_json};
use super::label_args::{Budget, LabelArgs};
use super::session::{Compute, Memory, Session, StudyBars};
use super::stage_args::PlayingArgs;
use super::stage_args::{JudgingArgs, JudgingDefaults};
use crate::games::find_own;
use crate::models::{self, ModelReference};
use crate::results;
use crate::run::{Steering, StudyError};
use crate::stage::Stages;
use crate::stage::judgement::Ways;
use crate::stage::perplexity::{Measuring, PassageSet, Reference};
use crate::stage::play::{Decide, PlaySettings};
use crate::study::summary::{RunSummary, ShiftSummary};
use crate::study::{Experiment, Layers, Preset, Settings, Study};
use anyhow::anyhow;
use axia_engine::train::{Order, Schedule};
use axia_values::instrument::{Dimension, ImportOptions, Instrument, Item, Split};
use axia_values::profile::Readout;
use axia_values::stats::Estimate;
use axia_values::target::Target;
use axia_values::taxonomy::Value;
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A named set of defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PresetName {
    /// Minutes on a laptop
    Quick,
    /// The full protocol: hours on a laptop
    Paper,
}

/// Row order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OrderName {
    /// Variants of one item together, items shuffled
    Grouped,
    /// All rows shuffled
    Random,
}

/// The target's posts and a few of every other value, in the fewest ways.
const QUICK_JUDGING: JudgingDefaults = JudgingDefaults { posts: Some(36), ways: Ways::Latin };
/// Passages of a short run: about ten seconds for everybody together.
const QUICK_PASSAGES: usize = 8;
/// Everything.
const PAPER_JUDGING: JudgingDefaults = JudgingDefaults { posts: None, ways: Ways::All };

/// Arguments of a study.
#[derive(Debug, Args)]
pub struct StudyArgs {
    /// Model: a folder, a .gguf file, a known name or a hub id
    #[arg(default_value = super::DEFAULT_MODEL)]
    model: String,
    /// Survey: an instrument file; by default the bundled one
    #[arg(long)]
    survey: Option<PathBuf>,
    /// Questionnaire of a ValueBench file
    #[arg(long, requires = "survey")]
    questionnaire: Option<String>,
    /// Defaults: quick (minutes on a laptop) or paper (the full protocol)
    #[arg(long, value_enum, default_value = "quick")]
    preset: PresetName,
    /// Folder of the run; the same command goes on in it after an interruption
    #[arg(long)]
    out: Option<PathBuf>,
    /// Most items per split, spread over the survey
    #[arg(long)]
    limit: Option<usize>,
    /// LoRA rank
    #[arg(long, help_heading = "Training")]
    rank: Option<usize>,
    /// LoRA alpha; by default twice the rank
    #[arg(long, help_heading = "Training", allow_negative_numbers = true)]
    alpha: Option<f64>,
    /// Layers that are adapted: all, the uppermost (top-40%), or a range (18-29), the first layer being 0
    #[arg(long, help_heading = "Training")]
    layers: Option<Layers>,
    /// Peak learning rate
    #[arg(long, help_heading = "Training", allow_negative_numbers = true)]
    lr: Option<f64>,
    /// How the learning rate falls after the warm-up
    #[arg(long, value_enum, help_heading = "Training")]
    schedule: Option<ScheduleName>,
    /// Part of the steps spent warming up, from 0 to 1
    #[arg(long, value_name = "SHARE", help_heading = "Training")]
    warmup: Option<f64>,
    /// Most epochs
    #[arg(long, help_heading = "Training")]
    epochs: Option<usize>,
    /// Rows per step
    #[arg(long, help_heading = "Training")]
    batch: Option<usize>,
    /// Train on a sample of this many rows
    #[arg(long, help_heading = "Training")]
    rows: Option<usize>,
    /// Share of the target's rows in every step of a sample, from 0 to 1
    #[arg(long, help_heading = "Training", value_name = "SHARE")]
    target_share: Option<f64>,
    #[command(flatten)]
    labels: LabelArgs,
    /// Order of the rows
    #[arg(long, value_enum, help_heading = "Training")]
    order: Option<OrderName>,
    /// Seed, or several separated by commas
    #[arg(long, value_delimiter = ',', help_heading = "Training")]
    seed: Option<Vec<u64>>,
    /// Write events for TensorBoard too, into the run's folder tensorboard/
    #[arg(long, help_heading = "Training")]
    tensorboard: bool,
    /// How ratings are read out: expected, argmax or sampled
    #[arg(long)]
    readout: Option<Readout>,
    /// Neutral passages whose perplexity is measured before and after; 0 for none
    #[arg(long, value_name = "N")]
    passages: Option<usize>,
    #[command(flatten)]
    judging: JudgingArgs,
    /// Games that each respondent plays of each bundled text adventure; 0 for none
    #[arg(long, value_name = "N", help_heading = "Play")]
    episodes: Option<u64>,
    #[command(flatten)]
    playing: PlayingArgs,
    /// Put questions in the model's chat format
    #[arg(long)]
    chat: bool,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    /// Say what would be done, and do nothing
    #[arg(long, conflicts_with = "json")]
    dry_run: bool,
    /// Compute blocks a second time on the way back instead of keeping what they found: slower, in
    /// less memory, with the same result
    #[arg(long, help_heading = "Computation")]
    recompute: bool,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    memory: Memory,
}

/// How the learning rate falls after the warm-up.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ScheduleName {
    /// It stays
    Constant,
    /// In a straight line to zero
    Linear,
    /// Half a cosine wave to zero
    Cosine,
}

impl From<ScheduleName> for Schedule {
    fn from(name: ScheduleName) -> Self {
        match name {
            ScheduleName::Constant => Self::Constant,
            ScheduleName::Linear => Self::Linear,
            ScheduleName::Cosine => Self::Cosine,
        }
    }
}

impl StudyArgs {
    fn settings(&self) -> Outcome<Settings> {
        let preset = match self.preset {
            PresetName::Quick => Preset::Quick,
            PresetName::Paper => Preset::Paper,
        };
        let defaults = Settings::preset(preset);
        let rank = self.rank.unwrap_or(defaults.rank);
        let order = self.order.map(|order| match order {
            OrderName::Grouped => Order::Grouped,
            OrderName::Random => Order::Random,
        });
        Ok(Settings {
            rank,
            alpha: self.alpha.unwrap_or(defaults.alpha / defaults.rank as f64 * rank as f64),
            layers: self.layers.unwrap_or(defaults.layers),
            lr: self.lr.unwrap_or(defaults.lr),
            schedule: self.schedule.map_or(defaults.schedule, Schedule::from),
            warmup: self.warmup.unwrap_or(defaults.warmup),
            epochs: self.epochs.unwrap_or(defaults.epochs),
            batch_rows: self.batch.unwrap_or(defaults.batch_rows),
            order: order.unwrap_or(defaults.order),
            train_rows: defaults.train_rows.with(self.rows, self.target_share)?,
            seeds: self.seed.clone().unwrap_or_else(|| defaults.seeds.clone()),
            readout: self.readout.unwrap_or(defaults.readout),
            chat: self.chat,
            limit: self.limit,
            language_kl: self.labels.language_kl.unwrap_or(defaults.language_kl),
            language_budget: self
                .labels
                .language_budget
                .map_or(defaults.language_budget, |Budget(most)| most),
            anchors: self.labels.resolve(defaults.anchors)?,
            ..defaults
        })
    }

    /// Neutral text to read: some of it, or all.
    fn measuring(&self) -> Option<Measuring> {
        let most = match self.preset {
            PresetName::Quick => QUICK_PASSAGES,
            PresetName::Paper => usize::MAX,
        };
        let set = PassageSet::bundled().first(self.passages.unwrap_or(most));
        (!set.passages.is_empty()).then_some(Measuring { set })
    }

    /// Few games, decided without sampling words, or many in the benchmark's way.
    fn play_defaults(&self) -> PlaySettings {
        let benchmark = PlaySettings::default();
        match self.preset {
            PresetName::Quick => PlaySettings { decide: Decide::Score, episodes: 2, ..benchmark },
            PresetName::Paper => PlaySettings { episodes: 10, ..benchmark },
        }
    }

    /// The survey, with at most `--limit` items per split.
    pub fn instrument(&self) -> Outcome<Instrument> {
        let instrument = load_instrument(self.survey.as_deref(), self.questionnaire.as_deref())?;
        Ok(limited(instrument, self.limit))
    }

    /// Runs the study and writes its report; `behaves` says whether neutral text is read, dilemmas
    /// are judged and games played too.
    pub fn run(
        &self,
        steerings: Vec<Steering>,
        instrument: &Instrument,
        name: &str,
        behaves: bool,
    ) -> Outcome {
        let settings = self.settings()?;
        settings.check()?;
        let defaults = match self.preset {
            PresetName::Quick => QUICK_JUDGING,
            PresetName::Paper => PAPER_JUDGING,
        };
        let targets: Vec<&Target> = steerings.iter().map(|steering| &steering.target).collect();
        let judgement = match behaves {
            true => self.judging.resolve(defaults, &targets, settings.seeds[0], self.chat)?,
            false => None,
        };
        let play = self.play_defaults();
        let episodes = self.episodes.unwrap_or(play.episodes);
        let out = self.out.clone().unwrap_or_else(|| Path::new("runs").join(name));
        if self.dry_run {
            return self.plan(&settings, &steerings, instrument, &out);
        }
        let session = Session::start(&self.compute)?;
        let model = session.open_model(&self.model)?;
        let stages = Stages {
            perplexity: if behaves { self.measuring() } else { None },
            judgement,
            play: match (episodes, behaves) {
                (0, _) | (_, false) => None,
                _ => Some(self.playing.resolve(
                    &find_own(None, &[])?,
                    PlaySettings { episodes, ..play },
                    model.chat_template().is_ok(),
                )?),
            },
        };
        let study = Study {
            name: name.to_owned(),
            model_name: self.model.clone(),
            model: &model,
            instrument,
            settings,
            steerings,
            stages,
            tensorboard: self.tensorboard,
            max_tokens: self.memory.max_tokens_per_step,
            recompute: self.recompute,
            command: command_line(),
        };
        let result = Experiment::open(&study, &out)
            .and_then(|experiment| experiment.run(&mut StudyBars::new(&session)));
        let summary = result.map_err(|error| match error.is_cancelled() {
            true => Failure::cancelled(anyhow!(
                "the work so far is kept in `{}`; the same command goes on from there",
                out.display()
            )),
            false => Failure::from(error),
        })?;
        results::write(&out, &summary)?;
        if self.json {
            print_json(&summary)
        } else {
            let page = out.join("report.html");
            print(format!("{}\nReport: {}\n", effects(&summary), page.display()))
        }
    }

    fn plan(
        &self,
        settings: &Settings,
        steerings: &[Steering],
        instrument: &Instrument,
        out: &Path,
    ) -> Outcome {
        let origin = match models::identify(&self.model, &models::Settings::from_env()?)? {
            ModelReference::Local(location) => location.path().display().to_string(),
            ModelReference::Known(model) => format!("from {}", model.origin),
            ModelReference::Hub(_) => "from the Hugging Face hub".to_owned(),
        };
        let mut text = format!("model: {} ({origin})\n", self.model);
        text += &format!("survey: {} ({} items)\n", instrument.name, instrument.items.len());
        for steering in steerings {
            text += &format!("steer: {}\n", steering.title);
        }
        text += &format!("into: {}\n", out.display());
        for (name, value) in settings.describe() {
            text += &format!("  {name}: {value}\n");
        }
        print(text)
    }
}

/// The command line, for the report.
fn command_line() -> String {
    let quoted = |arg: String| {
        let plain = arg.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:@,".contains(c));
        if plain { arg } else { format!("'{}'", arg.replace('\'', r"'\''")) }
    };
    let args = std::env::args().skip(1).map(quoted);
    std::iter::once("axia".to_owned()).chain(args).collect::<Vec<_>>().join(" ")
}

/// The survey in `path`, or the bundled one.
pub fn load_instrument(path: Option<&Path>, questionnaire: Option<&str>) -> Outcome<Instrument> {
    let Some(path) = path else { return Ok(Instrument::bundled().clone()) };
    let options = ImportOptions {
        questionnaire: questionnaire.map(str::to_owned),
        ..ImportOptions::default()
    };
    Instrument::load(path, &options).map_err(|e| Failure::from(StudyError::from(e)))
}

/// At most `limit` items of every split, spread over its dimensions in turn.
pub fn limited(mut instrument: Instrument, limit: Option<usize>) -> Instrument {
    let Some(limit) = limit else { return instrument };
    let mut kept: BTreeMap<Split, usize> = BTreeMap::new();
    let mut met: BTreeMap<(Split, String), usize> = BTreeMap::new();
    // The n-th item of each dimension is taken before any dimension's n+1-th.
    let mut order: Vec<(usize, usize)> = instrument
        .items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            let round = met.entry((item.split, item.dimension.key())).or_default();
            *round += 1;
            (*round, index)
        })
        .collect();
    order.sort_unstable();
    let mut chosen: Vec<usize> = Vec::new();
    for (_, index) in order {
        let count = kept.entry(instrument.items[index].split).or_default();
        if *count < limit {
            *count += 1;
            chosen.push(index);
        }
    }
    chosen.sort_unstable();
    let items: Vec<Item> = chosen.into_iter().map(|i| instrument.items[i].clone()).collect();
    instrument.items = items;
    instrument
}

/// The value (or the instrument's own trait) that `name` means.
pub fn dimension(name: &str, instrument: &Instrument) -> Outcome<Dimension> {
    let own = instrument.dimensions();
    let same = |d: &&Dimension| d.label().eq_ignore_ascii_case(name) || d.key() == name;
    if let Some(found) = own.iter().find(same).filter(|d| d.value().is_none()) {
        return Ok(found.clone());
    }
    let value: Value = name.parse().map_err(|e| Failure::input(anyhow!("--value {name}: {e}")))?;
    Ok(value.into())
}

/// The effects in a few lines each.
pub fn effects(summary: &RunSummary) -> String {
    summary.shifts.iter().map(|shift| effect(summary, shift)).collect()
}

fn effect(summary: &RunSummary, shift: &ShiftSummary) -> String {
    let c = &shift.shift.against_control;
    let mut lines = vec![("moved to its goal", interval(&c.target_drop.macro_average))];
    for (label, averages) in
        [("other values moved", &c.fluctuation), ("selectivity", &c.selectivity)]
    {
        lines.extend(averages.map(|averages| (label, interval(&averages.macro_average))));
    }
    if let Some(headroom) = &c.headroom {
        let [share, low, high] = [headroom.share.value, headroom.share.low, headroom.share.high]
            .map(|share| format!("{:.0} %", share * 100.0));
        let points = headroom.points.value;
        lines.push(("share of headroom", format!("{share} [{low}, {high}] of {points:.2} points")));
    }
    let perplexity = summary.stages.perplexity.as_ref();
    if let Some(change) = perplexity.and_then(|p| p.change(&shift.respondent, Reference::Base)) {
        let rise = change.rise();
        let [value, low, high] =
            [rise.value, rise.low, rise.high].map(|share| format!("{:+.0} %", share * 100.0));
        lines.push(("perplexity", format!("{value} [{low}, {high}] against the base")));
    }
    let mut text = format!("{}\n", shift.title);
    for (label, value) in lines {
        text += &format!("  {label:18} {value}\n");
    }
    for gate in &shift.gates {
        let what = if gate.is_fatal() { "not shown" } else { "not clean" };
        text += &format!("  {what:18} {}\n", gate.because());
    }
    text
}

fn interval(e: &Estimate) -> String {
    match e.has_no_width() {
        true => format!("{:+.2} (no interval)", e.value),
        false => format!("{:+.2} [{:+.2}, {:+.2}]", e.value, e.low, e.high),
    }
}
