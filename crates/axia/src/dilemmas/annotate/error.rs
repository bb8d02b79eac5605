//! What can go wrong in an annotation.

use std::path::PathBuf;

use axia_engine::error::FileError;

use super::AnnotatorError;
use crate::remote::RemoteError;

/// Why an annotation stopped.
#[derive(Debug, thiserror::Error)]
pub enum AnnotateError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line of the posts is no candidate.
    #[error("`{}`, line {line}: {problem}; expected one candidate as JSON a line", path.display())]
    Post {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A file of the annotation is damaged.
    #[error(
        "`{}`, line {line} is damaged: {problem}; remove the line to have its post asked about again",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The folder holds answers that were got in another way.
    #[error(
        "`{}` holds annotations made with other settings ({difference}); choose another folder, or remove it",
        folder.display()
    )]
    Occupied {
        /// The folder.
        folder: PathBuf,
        /// What differs.
        difference: String,
    },
    /// Another process writes to the folder.
    #[error("`{}` is in use by another annotation; wait until it ends", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The annotator fails at everything.
    #[error(transparent)]
    Annotator(AnnotatorError),
    /// The annotator has answered nothing for a while.
    #[error(
        "{posts} posts in a row got no answer, and none is set aside for it; the last time: {last}"
    )]
    NoAnswers {
        /// How many posts.
        posts: usize,
        /// What happened to the last.
        last: AnnotatorError,
    },
    /// A setting that makes no sense.
    #[error("{0}")]
    Setting(String),
    /// The user asked to stop.
    #[error("stopped before the end; the same command goes on from here")]
    Cancelled,
}

impl AnnotateError {
    /// Whether the user asked to stop.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }

    /// Whether something the user gave is at fault.
    #[must_use]
    pub const fn is_input(&self) -> bool {
        match self {
            Self::Annotator(AnnotatorError::Remote(error)) => {
                matches!(error, RemoteError::Address { .. } | RemoteError::Key { .. })
            }
            Self::File(_) | Self::InUse { .. } | Self::NoAnswers { .. } | Self::Cancelled => false,
            _ => true,
        }
    }
}

impl From<AnnotatorError> for AnnotateError {
    fn from(error: AnnotatorError) -> Self {
        match error.is_cancelled() {
            true => Self::Cancelled,
            false => Self::Annotator(error),
        }
    }
}
