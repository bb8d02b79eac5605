//! What can go wrong in a study.

use crate::respondent::RespondentError;
use axia_engine::EngineError;
use axia_engine::error::FileError;
use axia_values::instrument::{InstrumentError, Split};
use axia_values::profile::ProfileError;
use axia_values::shift::ShiftError;
use axia_values::target::TargetError;
use std::path::PathBuf;

/// Why a study stopped.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// A respondent could not answer.
    #[error(transparent)]
    Respondent(#[from] RespondentError),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The instrument cannot be used.
    #[error(transparent)]
    Instrument(#[from] InstrumentError),
    /// Answers cannot be summarised.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// Respondents cannot be compared.
    #[error(transparent)]
    Shift(#[from] ShiftError),
    /// The target cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder belongs to a run with other settings.
    #[error(
        "`{}` holds a run with other settings ({difference}); choose another --out, or remove the folder",
        dir.display()
    )]
    Occupied {
        /// The folder.
        dir: PathBuf,
        /// The first setting that differs.
        difference: String,
    },
    /// The model is not the one that the run's adapters were trained on.
    #[error(
        "the run `{}` was made with other weights of `{name}` than those of `{}`; its adapters mean \
         nothing there",
        dir.display(),
        model.display()
    )]
    OtherModel {
        /// The run's folder.
        dir: PathBuf,
        /// The model.
        model: PathBuf,
        /// What the run calls its model.
        name: String,
    },
    /// The folder is being worked in.
    #[error(
        "another process works in the run `{}`; wait for it, or choose another --out",
        dir.display()
    )]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// A file of the run is damaged.
    #[error("`{}` is damaged: {problem}; remove it to have it made again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The instrument lacks items for a step.
    #[error("the survey `{survey}` has no items in its {split} split, which {purpose}")]
    EmptySplit {
        /// Name of the survey.
        survey: String,
        /// The split.
        split: Split,
        /// What the split is needed for.
        purpose: &'static str,
    },
    /// A game that cannot be played.
    #[error("the game `{game}` failed (seed {seed}): {problem}")]
    Game {
        /// Its name.
        game: String,
        /// The seed.
        seed: u64,
        /// What happened, and where.
        problem: String,
    },
    /// A setting that makes no sense.
    #[error("{0}")]
    Setting(String),
}

impl StudyError {
    /// Whether the user asked to stop.
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self,
            Self::Engine(EngineError::Cancelled)
                | Self::Respondent(RespondentError::Engine(EngineError::Cancelled))
        )
    }

    /// Whether something the user gave is at fault.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Engine(error) | Self::Respondent(RespondentError::Engine(error)) => {
                error.is_input()
            }
            Self::Respondent(RespondentError::Served(error)) => error.is_input(),
            Self::File(_) => false,
            _ => true,
        }
    }
}
