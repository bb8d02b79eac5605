//! Errors of reports.

use std::io;
use std::path::{Path, PathBuf};

/// Why a report could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `create the folder`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder holds no results.
    #[error("{} is missing; is {} the folder of a finished run?", path.display(), folder.display())]
    NoResults {
        /// The file looked for.
        path: PathBuf,
        /// The folder asked for.
        folder: PathBuf,
    },
    /// A file is not JSON or lacks fields.
    #[error("{} is not a results file of axia: {source}{line}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: serde_json::Error,
        /// The text of the line, introduced; empty where there is none.
        line: String,
    },
    /// The file is of a format that this program does not read.
    #[error(
        "{} has the {part} {found}, this axia reads {supported}; use the axia that wrote it or \
         run the study again",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Which version field: `format_version`, or one further inside.
        part: String,
        /// Its value.
        found: String,
        /// The value that is supported.
        supported: u32,
    },
    /// A result is not a number, which JSON cannot hold.
    #[error(
        "a result is not a finite number, so that it cannot be stored ({source}{line}); did the \
         training diverge?"
    )]
    NotFinite {
        /// What would fail on reading back.
        source: serde_json::Error,
        /// The text of the line, introduced; empty where there is none.
        line: String,
    },
    /// A table could not be formatted.
    #[error("cannot format results.csv: {0}")]
    Csv(#[from] csv::Error),
    /// A page could not be formatted.
    #[error("cannot format the page: {0}")]
    Page(#[from] minijinja::Error),
}

impl ReportError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_path_buf(), source }
    }
}
