//! Rows whose candidates end at different lengths, where a model's rotary embeddings depend on that.

use super::scorer::{ScoreRow, Scores};
use crate::config::ModelConfig;
use crate::error::EngineError;

/// Candidates of one row that reach equally far.
struct Part {
    row: usize,
    candidates: Vec<usize>,
}

/// Scores `rows` by `score`, which is given rows whose candidates all have one reach: a candidate's
/// log-likelihood is that of its own text, whatever longer ones stand beside it. `progress` hears of
/// rows, finished ones or parts that add up to as many.
pub(super) fn score_by_reach(
    config: &ModelConfig,
    rows: &[ScoreRow],
    mut progress: impl FnMut(usize) -> bool,
    score: impl FnOnce(&[ScoreRow], &mut dyn FnMut(usize) -> bool) -> Result<Scores, EngineError>,
) -> Result<Scores, EngineError> {
    let parts = parts(config, rows);
    // Nearly always there is nothing to take apart.
    if parts.len() == rows.len() {
        return score(rows, &mut progress);
    }
    let split: Vec<ScoreRow> = parts.iter().map(|part| part.of(&rows[part.row])).collect();
    let found = score(&split, &mut |done| progress(done * rows.len() / split.len()))?;
    let mut all: Vec<Vec<f64>> = rows.iter().map(|row| vec![0.0; row.candidates.len()]).collect();
    for (part, scores) in parts.iter().zip(found.rows) {
        for (&candidate, score) in part.candidates.iter().zip(scores) {
            all[part.row][candidate] = score;
        }
    }
    Ok(Scores { rows: all, ..found })
}

/// Every row at least once, in order.
fn parts(config: &ModelConfig, rows: &[ScoreRow]) -> Vec<Part> {
    let mut parts = Vec::with_capacity(rows.len());
    for (row, ScoreRow { prompt, candidates }) in rows.iter().enumerate() {
        let reach = |&candidate: &usize| {
            config.reach(prompt.len() + candidates.get(candidate).map_or(0, Vec::len))
        };
        let mut left: Vec<usize> = (0..candidates.len()).collect();
        loop {
            let first = left.first().map(reach);
            let (now, later) = left.into_iter().partition(|one| Some(reach(one)) == first);
            parts.push(Part { row, candidates: now });
            left = later;
            if left.is_empty() {
                break;
            }
        }
    }
    parts
}

impl Part {
    fn of(&self, row: &ScoreRow) -> ScoreRow {
        let candidates = self.candidates.iter().map(|&one| row.candidates[one].clone()).collect();
        ScoreRow { prompt: row.prompt.clone(), candidates }
    }
}
