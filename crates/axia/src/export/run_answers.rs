//! Everything a finished run's respondents answered.

use crate::run::{RunDir, StudyError};
use crate::stage::Stage;
use crate::stage::judgement::{Judgement, Judging};
use crate::stage::play::{Playing, Turn};
use crate::study::summary::RunSummary;
use axia_engine::error::FileError;
use axia_values::profile::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// A finished run, opened to read its answers.
pub struct RunAnswers {
    dir: RunDir,
    /// Its results.
    pub summary: RunSummary,
}

impl RunAnswers {
    /// Opens the run in `dir`, whose results are `summary`.
    ///
    /// # Errors
    /// [`StudyError::InUse`], [`StudyError::File`].
    pub fn open(dir: &Path, summary: RunSummary) -> Result<Self, StudyError> {
        Ok(Self { dir: RunDir::reopen(dir)?, summary })
    }

    /// What a respondent answered to the survey's held-out items.
    ///
    /// # Errors
    /// [`StudyError::File`] or [`StudyError::Damaged`].
    pub fn survey(&self, respondent: &str) -> Result<Vec<Response>, StudyError> {
        self.dir.read_lines(&format!("responses/{respondent}.jsonl"))
    }

    /// A respondent's judgements of dilemmas, one list for every set and way of asking in the run.
    ///
    /// # Errors
    /// [`StudyError::File`] or [`StudyError::Damaged`].
    pub fn judgements(&self, respondent: &str) -> Result<Vec<Vec<Judgement>>, StudyError> {
        self.stage(Judging::FOLDER, respondent)
    }

    /// A respondent's decisions in games, one list for every choice of games and settings in the run.
    ///
    /// # Errors
    /// [`StudyError::File`] or [`StudyError::Damaged`].
    pub fn turns(&self, respondent: &str) -> Result<Vec<Vec<Turn>>, StudyError> {
        self.stage(Playing::FOLDER, respondent)
    }

    /// The whole files of a respondent in the folders of a stage, in the order of their names.
    fn stage<T: Serialize + DeserializeOwned>(
        &self,
        stage: &str,
        respondent: &str,
    ) -> Result<Vec<Vec<T>>, StudyError> {
        let folder = self.dir.join(stage);
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let entries = std::fs::read_dir(&folder).map_err(FileError::on("read", &folder))?;
        let mut names: Vec<String> = entries
            .flatten()
            .map(|entry| format!("{stage}/{}/{respondent}.jsonl", entry.file_name().display()))
            .filter(|name| self.dir.has(name))
            .collect();
        names.sort();
        names.iter().map(|name| self.dir.read_lines(name)).collect()
    }
}
