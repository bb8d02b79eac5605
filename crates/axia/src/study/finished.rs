//! A run that has its results, opened to ask its respondents more.

use super::summary::{RespondentSummary, RunSummary, ShiftSummary};
use super::summary::{WEIGHTS, sha256_of};
use crate::respondent::Embedded;
use crate::run::{Follow, Member, Observation, Role, RunDir, Steering, StudyError};
use crate::stage::{Compared, Stage};
use axia_engine::Model;
use axia_values::instrument::Dimension;
use axia_values::rating::Rating;
use axia_values::shift::Comparison;
use axia_values::stats::BootstrapOptions;
use axia_values::target::Target;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// A finished run.
pub struct FinishedRun {
    dir: RunDir,
    /// What it steers.
    pub steerings: Vec<Steering>,
    members: Vec<Member>,
    /// Factor on the adapters.
    scale: f64,
}

/// The part of `manifest.json` that is needed here.
#[derive(Deserialize)]
struct Manifest {
    targets: Vec<Goals>,
}

#[derive(Deserialize)]
struct Goals {
    name: String,
    goals: BTreeMap<String, Rating>,
}

impl FinishedRun {
    /// Checks that `model` has the weights that the adapters of the run in `dir`, whose results are
    /// `summary`, were trained on: with others, what they change would mean nothing.
    ///
    /// # Errors
    /// [`StudyError::OtherModel`], [`StudyError::File`].
    pub fn check_model(dir: &Path, summary: &RunSummary, model: &Model) -> Result<(), StudyError> {
        match summary.hashes.get(WEIGHTS) {
            Some(hash) if *hash != sha256_of(model.path())? => Err(StudyError::OtherModel {
                dir: dir.to_owned(),
                model: model.path().to_owned(),
                name: summary.model.name.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Opens the run in `dir`, whose results are `summary`.
    ///
    /// # Errors
    /// [`StudyError::InUse`], [`StudyError::File`], [`StudyError::Damaged`].
    pub fn open(dir: &Path, summary: &RunSummary) -> Result<Self, StudyError> {
        let dir = RunDir::reopen(dir)?;
        let manifest: Manifest = dir.manifest()?;
        let title = |name: &str| {
            let shift = summary.shifts.iter().find(|shift| shift.respondent == name);
            shift.map_or_else(|| name.to_owned(), |shift| shift.title.clone())
        };
        let steerings = manifest.targets.into_iter().map(|Goals { name, goals }| {
            let goals = goals.iter().map(|(key, &rating)| (Dimension::from_key(key), rating));
            let target = Target::profile(name.clone(), goals);
            Steering { title: title(&name), name, target }
        });
        let members = summary.respondents.iter().map(RespondentSummary::member).collect();
        Ok(Self { steerings: steerings.collect(), members, dir, scale: 1.0 })
    }

    /// The run with `scale` times what its adapters change.
    #[must_use]
    pub fn at_scale(self, scale: f64) -> Self {
        Self { scale, ..self }
    }

    /// Has every respondent do what `stage` asks, and compares them; `shifts` are the run's shifts in
    /// the survey.
    ///
    /// # Errors
    /// [`StudyError`]; after a cancellation the stage can be taken up again.
    pub fn ask<S: Stage>(
        &self,
        stage: &S,
        model: &Model,
        shifts: &[ShiftSummary],
        follow: &mut dyn Follow,
    ) -> Result<S::Summary, StudyError> {
        let mut observations = Vec::new();
        for member in &self.members {
            let respondent = self.respondent(model, member)?;
            let answers = stage.ask(&self.dir, &self.cell(member), &respondent, follow)?;
            observations.push(Observation { member: member.clone(), answers });
        }
        let survey = shifts.iter().map(|s| (s.respondent.clone(), s.shift.against_control.clone()));
        let survey: Vec<(String, Comparison)> = survey.collect();
        let options = BootstrapOptions::default();
        let study = Compared { steerings: &self.steerings, survey: &survey, options };
        stage.summarise(&observations, &study)
    }

    /// What a respondent's files are called: another scale makes it another respondent.
    fn cell(&self, member: &Member) -> String {
        match self.other_scale().filter(|_| member.role != Role::Base) {
            Some(scale) => format!("{}-x{scale}", member.name),
            None => member.name.clone(),
        }
    }

    /// The factor on the adapters where it is not 1.
    pub fn other_scale(&self) -> Option<f64> {
        (self.scale != 1.0).then_some(self.scale)
    }

    /// A respondent of the run, brought back.
    fn respondent<'m>(
        &self,
        model: &'m Model,
        member: &Member,
    ) -> Result<Embedded<'m>, StudyError> {
        let adapter = match member.role {
            Role::Base => None,
            _ => {
                let folder = self.dir.join(format!("adapters/{}", member.name));
                Some(model.read_adapter(&folder)?.scaled(self.scale as f32))
            }
        };
        Ok(Embedded::new(model, adapter))
    }
}
