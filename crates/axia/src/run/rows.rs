//! Observations of a run, written row by row.

use super::StudyError;
use crate::files::folder_of;
use axia_engine::error::FileError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A file of JSON lines that grows as observations are made. Until it is whole it stands under a
/// name of its own (`….part`), so that whatever has the final name can be trusted.
#[derive(Debug)]
pub struct Rows<T> {
    path: PathBuf,
    /// Where rows are appended; nothing once the file is whole.
    part: Option<File>,
    rows: Vec<T>,
}

impl<T: Serialize + DeserializeOwned> Rows<T> {
    /// Opens the rows at `path`, whole or begun. A last line that a killed run left half written is
    /// cut off.
    ///
    /// # Errors
    /// [`StudyError::File`], [`StudyError::Damaged`] with the line.
    pub fn open(path: PathBuf) -> Result<Self, StudyError> {
        if path.exists() {
            let rows = parse(&path, &read(&path)?)?;
            return Ok(Self { path, part: None, rows });
        }
        let begun = part_of(&path);
        let on = |what| FileError::on(what, &begun);
        std::fs::create_dir_all(folder_of(&path)).map_err(on("write"))?;
        let text = if begun.exists() { read(&begun)? } else { String::new() };
        let whole_lines = text.rfind('\n').map_or(0, |end| end + 1);
        let rows = parse(&begun, &text[..whole_lines])?;
        let part =
            OpenOptions::new().create(true).append(true).open(&begun).map_err(on("write"))?;
        part.set_len(whole_lines as u64).map_err(on("write"))?;
        Ok(Self { path, part: Some(part), rows })
    }

    /// Whether all rows are there.
    pub fn is_whole(&self) -> bool {
        self.part.is_none()
    }

    /// The rows so far.
    pub fn rows(&self) -> &[T] {
        &self.rows
    }

    /// All rows.
    pub fn into_rows(self) -> Vec<T> {
        self.rows
    }

    /// Keeps the first `count` rows of a file that is not whole.
    ///
    /// # Errors
    /// [`StudyError::File`].
    pub fn truncate(&mut self, count: usize) -> Result<(), StudyError> {
        if count < self.rows.len() {
            self.rows.truncate(count);
            let text = self.text(&self.rows)?;
            if let Some(part) = &self.part {
                part.set_len(text.len() as u64).map_err(self.on_part("write"))?;
            }
        }
        Ok(())
    }

    /// Adds rows; they are handed to the system before this returns.
    ///
    /// # Errors
    /// [`StudyError::File`].
    pub fn append(&mut self, rows: Vec<T>) -> Result<(), StudyError> {
        let text = self.text(&rows)?;
        if let Some(part) = &mut self.part {
            let written = part.write_all(text.as_bytes());
            written.map_err(self.on_part("write"))?;
        }
        self.rows.extend(rows);
        Ok(())
    }

    /// Says that no row is missing: the file gets its final name.
    ///
    /// # Errors
    /// [`StudyError::File`].
    pub fn finish(&mut self) -> Result<(), StudyError> {
        if let Some(part) = self.part.take() {
            part.sync_all().map_err(self.on_part("write"))?;
            std::fs::rename(part_of(&self.path), &self.path).map_err(self.on_part("rename"))?;
        }
        Ok(())
    }

    fn text(&self, rows: &[T]) -> Result<String, StudyError> {
        let mut text = String::new();
        for row in rows {
            let line = serde_json::to_string(row).map_err(std::io::Error::other);
            text.push_str(&line.map_err(self.on_part("write"))?);
            text.push('\n');
        }
        Ok(text)
    }

    /// An error of the file that is being written.
    fn on_part(&self, what: &'static str) -> impl FnOnce(std::io::Error) -> FileError + use<T> {
        FileError::on(what, &part_of(&self.path))
    }
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".part");
    name.into()
}

fn read(path: &Path) -> Result<String, StudyError> {
    Ok(std::fs::read_to_string(path).map_err(FileError::on("read", path))?)
}

/// Reads JSON lines; `path` names them in messages.
pub(super) fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<Vec<T>, StudyError> {
    let lines = text.lines().enumerate();
    lines
        .map(|(i, line)| {
            serde_json::from_str(line).map_err(|e| StudyError::Damaged {
                path: path.to_owned(),
                problem: format!("line {}: {e}", i + 1),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Rows<Vec<u32>> {
        Rows::open(path.to_owned()).unwrap()
    }

    #[test]
    fn a_killed_run_goes_on_after_its_last_whole_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("responses/base.jsonl");
        let mut rows = open(&path);
        rows.append(vec![vec![1], vec![2, 3]]).unwrap();
        drop(rows);
        let part = folder.path().join("responses/base.jsonl.part");
        std::fs::write(&part, "[1]\n[2,3]\n[4,").unwrap();

        let mut rows = open(&path);
        assert_eq!(rows.rows(), [vec![1], vec![2, 3]]);
        assert!(!rows.is_whole() && !path.exists());
        rows.truncate(1).unwrap();
        rows.append(vec![vec![5]]).unwrap();
        rows.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[1]\n[5]\n");
        assert!(!part.exists());

        let whole = open(&path);
        assert!(whole.is_whole());
        assert_eq!(whole.into_rows(), [vec![1], vec![5]]);
    }

    #[test]
    fn a_damaged_row_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("base.jsonl");
        std::fs::write(&path, "[1]\nx\n").unwrap();
        let message = Rows::<Vec<u32>>::open(path).unwrap_err().to_string();
        assert!(message.contains("base.jsonl") && message.contains("line 2"), "{message}");
    }
}
