//! What is studied, and whether it can be.

use super::Settings;
use crate::run::{Steering, StudyError, file_name};
use crate::stage::Stages;
use axia_engine::Model;
use axia_engine::decoder::TokensPerStep;
use axia_values::instrument::{Instrument, Split};

/// What is studied.
pub struct Study<'a> {
    /// Name of the run.
    pub name: String,
    /// What the user called the model.
    pub model_name: String,
    /// The model.
    pub model: &'a Model,
    /// The instrument, already limited to the items in use.
    pub instrument: &'a Instrument,
    /// Settings.
    pub settings: Settings,
    /// Steered respondents to make; none profiles the base alone.
    pub steerings: Vec<Steering>,
    /// What every respondent is asked beside the survey.
    pub stages: Stages,
    /// Whether training writes events for TensorBoard beside its metrics.
    pub tensorboard: bool,
    /// Most distinct tokens that training computes at once.
    pub max_tokens: TokensPerStep,
    /// Whether training computes blocks once more instead of keeping their activations.
    pub recompute: bool,
    /// The command line that repeats the run.
    pub command: String,
}

/// Respondents of every run, whose names no steered one may take.
const RESERVED: [&str; 2] = ["base", "control"];

impl Study<'_> {
    /// Finds faults that would otherwise show only after hours of work.
    pub(super) fn check(&self) -> Result<(), StudyError> {
        self.settings.check()?;
        let model = self.model.decoder().config();
        self.settings.lora(model.layers).check(model)?;
        self.check_split(Split::Test, "profiles are made of")?;
        if self.steerings.is_empty() {
            return Ok(());
        }
        self.check_split(Split::Train, "steering learns from")?;
        if self.settings.early_stopping.is_some() {
            self.check_split(Split::Validation, "early stopping watches")?;
        }
        self.steerings.iter().try_for_each(|steering| self.check_steering(steering))
    }

    fn check_split(&self, split: Split, purpose: &'static str) -> Result<(), StudyError> {
        if self.instrument.split(split).next().is_some() {
            return Ok(());
        }
        let survey = self.instrument.name.clone();
        Err(StudyError::EmptySplit { survey, split, purpose })
    }

    /// Its name must do as a file's, and every split in use must have items of its target.
    fn check_steering(&self, Steering { name, target, .. }: &Steering) -> Result<(), StudyError> {
        let taken = RESERVED.iter().any(|reserved| name.starts_with(&format!("{reserved}-seed")))
            || RESERVED.contains(&name.as_str());
        if taken || name.is_empty() || *name != file_name(name) {
            return Err(StudyError::Setting(format!(
                "the target's name `{name}` cannot be used for files; choose one of letters, \
                 digits, `-` and `_` other than {}",
                RESERVED.join(" and ")
            )));
        }
        for split in [Split::Train, Split::Validation, Split::Test] {
            let mut items = self.instrument.split(split).peekable();
            let unused = items.peek().is_none();
            if !unused && !items.any(|item| target.goal(&item.dimension).is_some()) {
                let measured: Vec<String> =
                    self.instrument.dimensions().iter().map(ToString::to_string).collect();
                return Err(StudyError::Setting(format!(
                    "no item in the {split} split of the survey `{}` measures the target \
                     `{name}`; the survey measures {}",
                    self.instrument.name,
                    measured.join(", ")
                )));
            }
        }
        Ok(())
    }
}
