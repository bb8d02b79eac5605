//! Rows of the plain tools: JSON lines with texts or token ids.

use super::failure::{Failure, Outcome};
use anyhow::anyhow;
use axia_engine::tokenizer::Tokenizer;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::Path;

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

/// A row of `axia train`.
#[derive(Debug, Deserialize)]
pub struct TrainLine {
    prompt: Option<String>,
    prompt_ids: Option<Vec<u32>>,
    completion: Option<String>,
    completion_ids: Option<Vec<u32>>,
}

/// Reads JSON lines; blank lines are passed over.
pub fn read_lines<T: DeserializeOwned>(path: &Path, limit: usize) -> Outcome<Vec<T>> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        Failure::input(anyhow!("{e}")).while_trying(format!("read `{}`", path.display()))
    })?;
    let mut rows = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let row = serde_json::from_str(line).map_err(|e| {
            Failure::input(anyhow!("`{}`, line {}: {e}", path.display(), index + 1))
        })?;
        rows.push(row);
        if rows.len() == limit {
            break;
        }
    }
    if rows.is_empty() {
        return Err(Failure::input(anyhow!("`{}` holds no rows", path.display())));
    }
    Ok(rows)
}

impl ScoreLine {
    /// The row as token ids; `number` counts from 1.
    pub fn tokenize(
        &self,
        tokenizer: &Tokenizer,
        number: usize,
    ) -> Outcome<axia_engine::score::ScoreRow> {
        let prompt = ids(tokenizer, number, "prompt", &self.prompt, &self.prompt_ids)?;
        let candidates = match (&self.candidates_ids, &self.candidates) {
            (Some(ids), _) => ids.clone(),
            (None, Some(texts)) => {
                texts.iter().map(|t| encode(tokenizer, t)).collect::<Outcome<_>>()?
            }
            (None, None) => return Err(missing(number, "candidates")),
        };
        Ok(axia_engine::score::ScoreRow { prompt, candidates })
    }
}

impl TrainLine {
    /// The row as token ids; `end` is added to completions given as text.
    pub fn tokenize(
        &self,
        tokenizer: &Tokenizer,
        end: Option<u32>,
        number: usize,
    ) -> Outcome<axia_engine::train::TrainRow> {
        let prompt = ids(tokenizer, number, "prompt", &self.prompt, &self.prompt_ids)?;
        let mut completion =
            ids(tokenizer, number, "completion", &self.completion, &self.completion_ids)?;
        if self.completion_ids.is_none() {
            completion.extend(end);
        }
        Ok(axia_engine::train::TrainRow { prompt, completion, group: 0 })
    }
}

fn ids(
    tokenizer: &Tokenizer,
    number: usize,
    field: &str,
    text: &Option<String>,
    ids: &Option<Vec<u32>>,
) -> Outcome<Vec<u32>> {
    match (ids, text) {
        (Some(ids), _) => Ok(ids.clone()),
        (None, Some(text)) => encode(tokenizer, text),
        (None, None) => Err(missing(number, field)),
    }
}

fn encode(tokenizer: &Tokenizer, text: &str) -> Outcome<Vec<u32>> {
    tokenizer.encode(text).map_err(|e| Failure::from(axia_engine::EngineError::from(e)))
}

fn missing(number: usize, field: &str) -> Failure {
    let both = format!("row {number} has neither `{field}` nor `{field}_ids`");
    Failure::input(anyhow!(both))
}
