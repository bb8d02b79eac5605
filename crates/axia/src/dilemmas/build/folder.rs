//! The folder of a build.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use axia_engine::error::FileError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dilemmas::BuildError;
use crate::files::write_whole;

/// The posts that passed the filters, one a line.
pub(crate) const CANDIDATES: &str = "candidates.jsonl";
/// What the filter stage did.
pub(crate) const FILTER: &str = "filter.json";

/// A build's folder. Its files appear whole or not at all, but for those of the annotation, which
/// grow line by line.
#[derive(Debug, Clone)]
pub struct BuildFolder {
    path: PathBuf,
}

impl BuildFolder {
    /// Opens or makes a folder.
    ///
    /// # Errors
    /// [`BuildError::Occupied`] if it has files but is no build's, [`BuildError::File`].
    pub fn open(path: &Path) -> Result<Self, BuildError> {
        let folder = Self { path: path.to_owned() };
        std::fs::create_dir_all(path).map_err(FileError::on("create the folder", path))?;
        if folder.join(FILTER).exists() {
            return Ok(folder);
        }
        let entries = std::fs::read_dir(path).map_err(FileError::on("read the folder", path))?;
        for entry in entries {
            let entry = entry.map_err(FileError::on("read the folder", path))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // Hidden files are what a killed build left half written, or a file manager's. The
            // candidates get their name a moment before the summary that vouches for them.
            if name != CANDIDATES && !name.starts_with('.') {
                let difference = format!("it has files but no {FILTER}");
                return Err(BuildError::Occupied { dir: path.to_owned(), difference });
            }
        }
        Ok(folder)
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The posts that passed the filters.
    #[must_use]
    pub fn candidates(&self) -> PathBuf {
        self.join(CANDIDATES)
    }

    /// A path inside.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a JSON file, if it is there.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, BuildError> {
        let path = self.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|e| BuildError::Damaged { path, problem: e.to_string() }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::on("read", &path)(error).into()),
        }
    }

    /// Writes a JSON file.
    pub(crate) fn write(&self, name: &str, value: &impl Serialize) -> Result<(), BuildError> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|e| FileError::on("write", &self.join(name))(e.into()))?;
        self.write_text(name, &format!("{text}\n"))
    }

    /// Writes a file.
    pub(crate) fn write_text(&self, name: &str, text: &str) -> Result<(), BuildError> {
        let path = self.join(name);
        Ok(write_whole(&path, text.as_bytes()).map_err(FileError::on("write", &path))?)
    }
}
