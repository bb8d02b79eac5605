//! The files that all games share.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

use super::file::{FileRead, FileReport, malformed};
use super::report::{Problem, Severity};

pub(super) const METADATA: &str = "game_metadata.json";
pub(super) const COEFFICIENTS: &str = "normalization_coeffs.json";
pub(super) const VARIABLES: &str = "annotations_clean/variables.json";

/// Entries by the names of games.
type Entries = BTreeMap<String, Json>;

/// The shared files' entries; none where a file is missing or unreadable.
#[derive(Default)]
pub(super) struct Shared {
    pub metadata: Option<Entries>,
    pub variables: Option<Entries>,
    /// Whether the file of coefficients is there. Its reader takes it as a file, because Python
    /// writes numbers into it that JSON lacks.
    pub coefficients: bool,
    pub files: Vec<FileReport>,
    pub problems: Vec<Problem>,
}

impl Shared {
    pub fn read(data: &Path) -> Self {
        let mut shared = Self::default();
        shared.metadata = shared.entries(data, METADATA, Severity::Error);
        shared.variables = shared.entries(data, VARIABLES, Severity::Warning);
        shared.coefficients = shared.text(data, COEFFICIENTS, Severity::Warning).is_some();
        shared
    }

    fn entries(&mut self, data: &Path, path: &str, severity: Severity) -> Option<Entries> {
        let text = self.text(data, path, severity)?;
        match serde_json::from_str(&text) {
            Ok(entries) => Some(entries),
            Err(error) => {
                self.problems.push(malformed(path, &error.to_string()));
                None
            }
        }
    }

    /// The file's text. A missing file is as bad as `severity`, a spoilt one an error.
    fn text(&mut self, data: &Path, path: &str, severity: Severity) -> Option<String> {
        let read = match FileRead::new(data, path) {
            Ok(Some(read)) => read,
            Ok(None) => {
                let message = "the file is missing: it is part of the benchmark's data";
                self.problems.push(Problem { severity, ..Problem::error(path, message) });
                return None;
            }
            Err(problem) => {
                self.problems.push(problem);
                return None;
            }
        };
        self.files.push(read.report);
        read.text.map_err(|problem| self.problems.push(problem)).ok()
    }
}
