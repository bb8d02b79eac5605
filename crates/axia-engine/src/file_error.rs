//! Files and folders that cannot be used.

use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A file or folder that could not be used, what was tried, and the system's reason.
#[derive(Debug, Error)]
#[error("cannot {action} `{}`: {source}", path.display())]
pub struct FileError {
    /// What was tried: "open", "read", "write", …
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

impl FileError {
    /// For `map_err`: turns an [`io::Error`] into a [`FileError`] that says what was tried on which path.
    pub fn on(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}
