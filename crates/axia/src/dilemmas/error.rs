//! What can go wrong while dilemmas are built.

use std::io::ErrorKind;
use std::path::PathBuf;

use axia_engine::error::FileError;
use axia_values::dilemma::DilemmaError;

use super::annotate::AnnotateError;

/// Why a build stopped.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file holds no JSON lines.
    #[error(
        "`{}` is {found}; expected one JSON object a line, plain or packed with gzip, zstd or bzip2",
        path.display()
    )]
    NoDump {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: &'static str,
    },
    /// The folder belongs to a build with other settings or inputs.
    #[error(
        "`{}` holds a build with other settings ({difference}); choose another --out, or remove the folder",
        dir.display()
    )]
    Occupied {
        /// The folder.
        dir: PathBuf,
        /// The first setting that differs.
        difference: String,
    },
    /// A file of the build is damaged.
    #[error("`{}` is damaged: {problem}; remove it to have it made again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// No post passed the filters.
    #[error("no post passed the filters: {0}")]
    NoCandidates(String),
    /// The annotation failed.
    #[error(transparent)]
    Annotate(#[from] AnnotateError),
    /// The annotations make no data set.
    #[error(transparent)]
    Set(#[from] DilemmaError),
    /// A setting that makes no sense.
    #[error("{0}")]
    Setting(String),
    /// The user asked to stop.
    #[error("stopped before the end; the same command goes on from here")]
    Cancelled,
}

impl BuildError {
    /// Whether the user asked to stop.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        match self {
            Self::Annotate(error) => error.is_cancelled(),
            error => matches!(error, Self::Cancelled),
        }
    }

    /// Whether something the user gave is at fault.
    #[must_use]
    pub fn is_input(&self) -> bool {
        match self {
            // A dump that is not there or may not be read is the user's.
            Self::File(error) => {
                matches!(error.source.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory)
            }
            Self::Annotate(error) => error.is_input(),
            Self::Cancelled => false,
            _ => true,
        }
    }
}
