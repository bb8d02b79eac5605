//! Rows of the plain tools: JSON lines with texts or token ids.

use super::failure::{Failure, Outcome};
use anyhow::{anyhow, bail};
use axia_engine::EngineError;
use axia_engine::score::ScoreRow;
use axia_engine::tokenizer::Tokenizer;
use axia_engine::train::{Label, SoftLabel, Softmax, TrainRow};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// A row of `axia score`.
#[derive(Debug, Deserialize)]
pub struct ScoreLine {
    /// Anything; comes back with the scores.
    #[serde(default)]
    pub id: serde_json::Value,
    prompt: Option<String>,
    prompt_ids: Option<Vec<u32>>,
    candidates: Option<Vec<String>>,
    candidates_ids: Option<Vec<Vec<u32>>>,
}

/// A row of `axia train`: a completion, or a distribution over candidates.
#[derive(Debug, Deserialize)]
pub struct TrainLine {
    prompt: Option<String>,
    prompt_ids: Option<Vec<u32>>,
    completion: Option<String>,
    completion_ids: Option<Vec<u32>>,
    candidates: Option<Vec<String>>,
    candidates_ids: Option<Vec<Vec<u32>>>,
    weights: Option<Vec<f64>>,
}

/// The rows of a file, each with the line it stands on.
pub struct Rows<T> {
    path: PathBuf,
    rows: Vec<(usize, T)>,
}

impl<T: DeserializeOwned> Rows<T> {
    /// Reads JSON lines, at most `limit` unless that is 0; blank lines are passed over.
    pub fn read(path: &Path, limit: usize) -> Outcome<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            Failure::input(anyhow!("{e}")).while_trying(format!("read `{}`", path.display()))
        })?;
        let mut found = Self { path: path.to_owned(), rows: Vec::new() };
        for (index, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
            let row = serde_json::from_str(line).map_err(|e| found.fault(index + 1, e))?;
            found.rows.push((index + 1, row));
            if found.rows.len() == limit {
                break;
            }
        }
        if found.rows.is_empty() {
            return Err(Failure::input(anyhow!("`{}` holds no rows", path.display())));
        }
        Ok(found)
    }
}

impl<T> Rows<T> {
    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().map(|(_, row)| row)
    }

    /// Every row made into something else; a fault is reported with its line.
    pub fn convert<R>(&self, convert: impl Fn(&T) -> anyhow::Result<R>) -> Outcome<Vec<R>> {
        let converted = self.rows.iter().map(|(line, row)| {
            convert(row).map_err(|fault| self.fault(*line, format_args!("{fault:#}")))
        });
        converted.collect()
    }

    /// An error of the engine, with the line of the row that it finds fault with.
    pub fn locate(&self, error: EngineError) -> Failure {
        let row = match &error {
            EngineError::EmptySequence { row, .. }
            | EngineError::TokenRange { row, .. }
            | EngineError::Weights { row, .. } => *row,
            _ => return error.into(),
        };
        let Some((line, _)) = self.rows.get(row.saturating_sub(1)) else { return error.into() };
        let message = error.to_string();
        let fault = message.strip_prefix(&format!("row {row}: ")).unwrap_or(&message);
        self.fault(*line, fault)
    }

    fn fault(&self, line: usize, fault: impl Display) -> Failure {
        Failure::input(anyhow!("`{}`, line {line}: {fault}", self.path.display()))
    }
}

impl ScoreLine {
    /// The row as token ids.
    pub fn tokenize(&self, tokenizer: &Tokenizer) -> anyhow::Result<ScoreRow> {
        let prompt = prompt(tokenizer, &self.prompt, &self.prompt_ids)?;
        let candidates = candidates(tokenizer, &self.candidates, &self.candidates_ids)?;
        Ok(ScoreRow { prompt, candidates })
    }
}

impl TrainLine {
    /// The row as token ids; `end` is added to completions given as text. The weights of soft labels
    /// are those of a share of `softmax`.
    pub fn tokenize(
        &self,
        tokenizer: &Tokenizer,
        end: Option<u32>,
        softmax: Softmax,
    ) -> anyhow::Result<TrainRow> {
        let prompt = prompt(tokenizer, &self.prompt, &self.prompt_ids)?;
        let has_completion = self.completion.is_some() || self.completion_ids.is_some();
        if let Some(weights) = &self.weights {
            if has_completion {
                bail!("the row has a completion and weights of candidates; give one of them");
            }
            let candidates = candidates(tokenizer, &self.candidates, &self.candidates_ids)?;
            let weights = weights.clone();
            let label = Label::Soft(SoftLabel { candidates, weights, softmax });
            return Ok(TrainRow { prompt, label, group: 0 });
        }
        let mut completion = match (&self.completion_ids, &self.completion) {
            (Some(ids), _) => ids.clone(),
            (None, Some(text)) => tokenizer.encode(text)?,
            (None, None) if self.candidates.is_some() || self.candidates_ids.is_some() => {
                return Err(anyhow!("there are candidates, but no `weights`"));
            }
            (None, None) => return Err(missing("completion")),
        };
        if self.completion_ids.is_none() {
            completion.extend(end);
        }
        Ok(TrainRow::completion(prompt, completion, 0))
    }
}

/// The candidates' ids; there must be at least one.
fn candidates(
    tokenizer: &Tokenizer,
    texts: &Option<Vec<String>>,
    ids: &Option<Vec<Vec<u32>>>,
) -> anyhow::Result<Vec<Vec<u32>>> {
    let candidates: Vec<Vec<u32>> = match (ids, texts) {
        (Some(ids), _) => ids.clone(),
        (None, Some(texts)) => {
            texts.iter().map(|text| tokenizer.encode(text)).collect::<Result<_, _>>()?
        }
        (None, None) => return Err(missing("candidates")),
    };
    if candidates.is_empty() {
        bail!("there are no candidates; give at least one");
    }
    Ok(candidates)
}

/// A prompt's ids; where it is given as text, with the token that begins a text if the model wants one.
fn prompt(
    tokenizer: &Tokenizer,
    text: &Option<String>,
    ids: &Option<Vec<u32>>,
) -> anyhow::Result<Vec<u32>> {
    match (ids, text) {
        (Some(ids), _) => Ok(ids.clone()),
        (None, Some(text)) => Ok(tokenizer.encode_prompt(text)?),
        (None, None) => Err(missing("prompt")),
    }
}

fn missing(field: &str) -> anyhow::Error {
    anyhow!("there is neither `{field}` nor `{field}_ids`")
}
