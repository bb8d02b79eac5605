//! `results.json`: everything a report shows, in one versioned file, and where it comes from.

use super::{Anchors, Frontier, Gate, Settings};
use crate::files::HashWriter;
use crate::run::{Member, Role, StudyError};
use crate::stage::Summaries;
use axia_engine::Model;
use axia_engine::error::FileError;
use axia_engine::train::{History, StopReason};
use axia_values::instrument::{Instrument, Split};
use axia_values::profile::Profile;
use axia_values::shift::{ControlCheck, DomainShift};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The results of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Version of this format.
    pub format_version: u32,
    /// Name of the run.
    pub name: String,
    /// When it ended, as RFC 3339 in UTC.
    pub created: String,
    /// Version of axia.
    pub axia_version: String,
    /// The command line that repeats the run.
    pub command: String,
    /// The model under study.
    pub model: ModelInfo,
    /// The instrument.
    pub survey: SurveyInfo,
    /// Machine and threads.
    pub machine: String,
    /// Settings by name, as text, in reading order.
    pub settings: Vec<(String, String)>,
    /// What was taught; `None` in results of earlier versions, which taught ratings, and where nothing
    /// was steered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchors: Option<Anchors>,
    /// SHA-256 of every input and output that decides the numbers, by name.
    pub hashes: BTreeMap<String, String>,
    /// Profiles on held-out items: base first, then control, then steered.
    pub respondents: Vec<RespondentSummary>,
    /// One effect per steered respondent.
    pub shifts: Vec<ShiftSummary>,
    /// What every control kept of the base's answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<ControlCheck>,
    /// What scaling each steered adapter does, on validation items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frontiers: Vec<Frontier>,
    /// One training run per adapter.
    pub training: Vec<TrainingSummary>,
    /// Items with everybody's answers.
    pub examples: Vec<Example>,
    /// What came of the stages beside the survey, each under its own name.
    #[serde(flatten)]
    pub stages: Summaries,
    /// What a reader must know to judge the numbers, in whole sentences.
    pub notes: Vec<Note>,
    /// Seconds by phase, in order.
    pub timings: Vec<(String, f64)>,
}

/// The model under study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Name for people: `smollm2-135m-instruct`, a hub id or a file name.
    pub name: String,
    /// Architecture: `llama`.
    pub architecture: String,
    /// Weights in all.
    pub parameters: u64,
    /// How the weights are stored: `Q4_1, Q8_0, F32`.
    pub storage: String,
    /// Size of the files in bytes.
    pub bytes: u64,
}

/// The instrument.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SurveyInfo {
    /// Short name.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// Items trained on, used for early stopping, and held out.
    pub items: [usize; 3],
    /// Ways of asking (instruction and template) used in training.
    pub train_variants: usize,
    /// Ways of asking used in evaluation.
    pub test_variants: usize,
    /// Task instructions and response templates in all.
    pub instructions: usize,
    /// Response templates in all.
    pub templates: usize,
}

/// One respondent's profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RespondentSummary {
    /// `base`, `control`, `power-down`, …
    pub name: String,
    /// Its part in the study.
    pub role: Role,
    /// The name that it shares with those of other seeds: `base`, `control`, `power-down`.
    pub steering: String,
    /// Seed of its training; 0 for the base.
    pub seed: u64,
    /// Its profile on the held-out items.
    pub profile: Profile,
}

impl RespondentSummary {
    /// The profile of a member of a run.
    pub fn new(Member { name, role, steering, seed }: Member, profile: Profile) -> Self {
        Self { name, role, steering, seed, profile }
    }

    /// Whose profile this is.
    pub fn member(&self) -> Member {
        let Self { name, role, steering, seed, .. } = self;
        Member { name: name.clone(), role: *role, seed: *seed, steering: steering.clone() }
    }
}

/// What steering changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShiftSummary {
    /// The steered respondent.
    pub respondent: String,
    /// Target in words: `Power, down`.
    pub title: String,
    /// The measured effects.
    pub shift: DomainShift,
    /// Why an effect is not claimed, or not cleanly, though its interval may lie above zero.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Gate>,
}

/// One adapter's training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingSummary {
    /// The respondent it made.
    pub respondent: String,
    /// Training rows.
    pub rows: usize,
    /// Tokens of all steps, prompts and completions.
    pub tokens: usize,
    /// Tokens computed once shared prefixes are merged.
    pub unique_tokens: usize,
    /// Trained numbers.
    pub parameters: usize,
    /// Wall time.
    pub seconds: f64,
    /// Why it ended.
    pub stopped: StopReason,
    /// Loss by step and by epoch.
    pub history: History,
}

/// An item with everybody's answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// Item id.
    pub item: String,
    /// What it measures: a value's slug, or a trait's name.
    pub dimension: String,
    /// Whether steering aimed at it.
    pub is_target: bool,
    /// The statement.
    pub statement: String,
    /// Mean expected rating over variants, by respondent, in the order of the respondents.
    pub ratings: Vec<(String, f64)>,
    /// Mean probabilities of the ratings 1 to 6 over variants, in the same order.
    pub probabilities: Vec<[f64; 6]>,
}

/// A remark on how to read the results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// How much it matters.
    pub level: NoteLevel,
    /// Whole sentences.
    pub text: String,
}

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteLevel {
    /// Good to know.
    Info,
    /// Limits what the numbers show.
    Caution,
}

impl RunSummary {
    /// The version this program writes.
    pub const FORMAT_VERSION: u32 = 2;

    /// What the steering of a respondent changed, over all seeds; `None` for base and control.
    pub fn shift_of(&self, respondent: &RespondentSummary) -> Option<&ShiftSummary> {
        self.shifts.iter().find(|shift| shift.respondent == respondent.steering)
    }
}

/// Facts about the model; `name` is what the user called it.
pub fn describe_model(name: &str, model: &Model) -> Result<ModelInfo, StudyError> {
    let tensors = model.tensors()?;
    let (mut parameters, mut types) = (0u64, BTreeSet::new());
    for name in tensors.names() {
        let tensor = tensors.tensor(name).map_err(axia_engine::EngineError::from)?;
        parameters += tensor.values() as u64;
        types.insert(tensor.dtype().name());
    }
    let files = files(model.path(), &["safetensors"]);
    let bytes = files.iter().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum();
    Ok(ModelInfo {
        name: name.to_owned(),
        architecture: format!("{:?}", model.decoder().config().architecture).to_lowercase(),
        parameters,
        storage: types.into_iter().collect::<Vec<_>>().join(", "),
        bytes,
    })
}

/// Facts about the survey as this experiment uses it.
pub fn describe_survey(instrument: &Instrument, settings: &Settings) -> SurveyInfo {
    let count = |split| instrument.split(split).count();
    SurveyInfo {
        name: instrument.name.clone(),
        title: instrument.title.clone(),
        items: [count(Split::Train), count(Split::Validation), count(Split::Test)],
        train_variants: instrument.variants().len(),
        test_variants: settings.test_variants.per_item(instrument),
        instructions: instrument.instructions.len(),
        templates: instrument.templates.len(),
    }
}

/// Processor, system and threads.
pub fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let threads = rayon::current_num_threads();
    let (system, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let cpu = cpu.unwrap_or_else(|| "unknown processor".to_owned());
    format!("{cpu}, {threads} threads, {system} {arch}")
}

/// The files of a folder that have one of these endings, in the order of names; or the file.
fn files(path: &Path, endings: &[&str]) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path());
    let wanted = |path: &PathBuf| {
        path.extension().is_some_and(|e| endings.iter().any(|ending| e == *ending))
    };
    let mut files: Vec<PathBuf> = entries.filter(wanted).collect();
    files.sort();
    files
}

/// What the hash of a model's weights is called.
pub(super) const WEIGHTS: &str = "model weights";

/// Hashes of everything that makes a model what it is: weights and, where they are files of their
/// own, configuration, tokenizer and chat template.
///
/// # Errors
/// [`StudyError::File`].
pub fn model_hashes(path: &Path) -> Result<Vec<(String, String)>, StudyError> {
    let mut hashes = vec![(WEIGHTS.to_owned(), sha256_of(path)?)];
    if path.is_dir() {
        let settings = files(path, &["json", "jinja"]);
        hashes.push(("model settings".to_owned(), digest(&settings)?));
    }
    Ok(hashes)
}

/// SHA-256 of a model's weights (of a folder: of all its weight files, in the order of names), or
/// of any file.
///
/// # Errors
/// [`StudyError::File`].
pub fn sha256_of(path: &Path) -> Result<String, StudyError> {
    digest(&files(path, &["safetensors"]))
}

fn digest(files: &[PathBuf]) -> Result<String, StudyError> {
    let mut digest = HashWriter::default();
    for file in files {
        let copied =
            std::fs::File::open(file).and_then(|mut bytes| std::io::copy(&mut bytes, &mut digest));
        copied.map_err(FileError::on("read", file))?;
    }
    Ok(digest.finish())
}
