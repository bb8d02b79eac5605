//! The stage of a study that reads passages.

use super::passages::PassageSet;
use super::summary::PerplexitySummary;
use crate::respondent::Respondent;
use crate::run::{Follow, Observation, RunDir, StudyError};
use crate::stage::{Compared, Stage};
use axia_engine::EngineError;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// Passages read together: enough to keep the engine busy, few enough for a killed run to lose
/// little.
const PASSAGES_AT_ONCE: usize = 6;

/// Passages to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measuring {
    /// The passages.
    pub set: PassageSet,
}

/// How likely one passage was to a respondent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PassageReading {
    /// Its id.
    pub passage: String,
    /// Tokens that were predicted: all but the first.
    pub tokens: usize,
    /// Sum of their log-probabilities, in nats.
    pub log_likelihood: f64,
}

impl Stage for Measuring {
    type Answers = Vec<PassageReading>;
    type Summary = PerplexitySummary;
    const FOLDER: &'static str = "perplexity";
    const VERB: &'static str = "read";

    fn manifest(&self) -> Json {
        json!({
            "passages": self.set.name,
            "count": self.set.passages.len(),
            "hash": self.set.content_hash(),
        })
    }

    fn ask(
        &self,
        dir: &RunDir,
        name: &str,
        respondent: &dyn Respondent,
        follow: &mut dyn Follow,
    ) -> Result<Vec<PassageReading>, StudyError> {
        self.read_into(dir, (&self.cell(name), name), respondent, follow)
    }

    fn summarise(
        &self,
        observations: &[Observation<Vec<PassageReading>>],
        study: &Compared,
    ) -> Result<PerplexitySummary, StudyError> {
        Ok(PerplexitySummary::new(&self.set, observations, study.steerings, study.options))
    }
}

impl Measuring {
    /// Has `respondent` read the passages; `cell` is the file of the run that the readings go to.
    ///
    /// # Errors
    /// As of [`Stage::ask`].
    pub fn read_into(
        &self,
        dir: &RunDir,
        (cell, name): (&str, &str),
        respondent: &dyn Respondent,
        follow: &mut dyn Follow,
    ) -> Result<Vec<PassageReading>, StudyError> {
        let mut rows = dir.rows(cell)?;
        if !rows.is_whole() {
            let passages = &self.set.passages;
            follow.begin(&format!("reading neutral text as {name}"), passages.len());
            let left = passages.get(rows.rows().len()..).unwrap_or_default();
            for passages in left.chunks(PASSAGES_AT_ONCE) {
                follow.advance(rows.rows().len(), "");
                if follow.cancelled() {
                    return Err(StudyError::from(EngineError::Cancelled));
                }
                let texts: Vec<&str> = passages.iter().map(|p| p.text.as_str()).collect();
                let read = respondent.read(&texts)?.into_iter().zip(passages);
                let readings = read.map(|((tokens, log_likelihood), passage)| PassageReading {
                    passage: passage.id.clone(),
                    tokens,
                    log_likelihood,
                });
                rows.append(readings.collect())?;
            }
            rows.finish()?;
            follow.end();
        }
        Ok(rows.into_rows())
    }
}
