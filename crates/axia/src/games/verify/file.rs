//! One file of the benchmark's data.

use super::report::{Problem, Severity};
use crate::files::sha256;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// Its path in `game_data`.
    pub path: String,
    /// Its length.
    pub bytes: usize,
    /// Its SHA-256.
    pub sha256: String,
}

/// A file that was read.
pub(super) struct FileRead {
    pub report: FileReport,
    /// Its text, or why it has none.
    pub text: Result<String, Problem>,
}

impl FileRead {
    /// Reads a file; `None` if it is not there.
    pub fn new(data: &Path, path: &str) -> Result<Option<Self>, Problem> {
        let bytes = match fs::read(data.join(path)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Problem::error(path, format!("failed to read it: {error}"))),
        };
        let report =
            FileReport { path: path.to_owned(), bytes: bytes.len(), sha256: sha256(&bytes) };
        let text = match foreign(&bytes) {
            Some(message) => Err(Problem::error(path, message)),
            None => String::from_utf8(bytes).map_err(|error| {
                let at = error.utf8_error().valid_up_to();
                Problem::error(path, format!("byte {at} is not UTF-8: get the file anew"))
            }),
        };
        Ok(Some(Self { report, text }))
    }
}

/// What a file is if it is none of the benchmark's, and what to do.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    let start: &[u8] = bytes.trim_ascii_start();
    if start.is_empty() {
        Some("it is empty: get the file anew")
    } else if start.starts_with(b"version https://git-lfs.github.com/") {
        Some("it is a Git LFS pointer in place of the file: run `git lfs pull` where it comes from")
    } else if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0x1f, 0x8b]) {
        Some("it is still packed: unpack it")
    } else if start.starts_with(b"<") {
        Some("it is a web page in place of the file: the download failed; get it anew")
    } else {
        None
    }
}

/// What to do about a file whose form is wrong, by the reader's message.
pub(super) fn malformed(file: &str, message: &str) -> Problem {
    let advice = match message.contains("EOF while parsing") {
        true => "the file is cut off; get it anew",
        false => "get it anew, or use the version that belongs to the other files",
    };
    Problem::error(file, format!("{message}: {advice}"))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_something_else_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let said = |bytes: &[u8]| {
            fs::write(folder.path().join("x.json"), bytes).unwrap();
            let read = FileRead::new(folder.path(), "x.json").unwrap().unwrap();
            read.text.map_err(|problem| problem.to_string())
        };
        assert_eq!(said(b"{}"), Ok("{}".to_owned()));
        let cases: [(&[u8], &str); 6] = [
            (b"", "empty"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "git lfs pull"),
            (b"PK\x03\x04rest", "packed"),
            (&[0x1f, 0x8b, 8], "packed"),
            (b"\n<!DOCTYPE html>", "web page"),
            (b"{\"a\": \"\xff\"}", "byte 7 is not UTF-8"),
        ];
        for (bytes, part) in cases {
            let error = said(bytes).unwrap_err();
            assert!(error.starts_with("error: x.json: ") && error.contains(part), "{error}");
        }
        assert!(FileRead::new(folder.path(), "no.json").unwrap().is_none());
    }
}
