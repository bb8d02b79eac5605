//! The folder of a run, and the files in it that grow row by row.

use super::StudyError;
use crate::files::{difference, folder_of, write_whole};
use axia_engine::DRAFT_PREFIX;
use axia_engine::error::FileError;
use fs4::{FileExt, TryLockError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MANIFEST: &str = "manifest.json";
/// Levels of folders in which a run writes.
const DEPTH: usize = 3;

/// A run's folder.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
    /// Held while the run is open, so that no other process works in the folder.
    _lock: Arc<File>,
}

impl RunDir {
    /// Opens or makes the folder of the run that `manifest` describes.
    ///
    /// # Errors
    /// [`StudyError::Occupied`] when the folder holds a run with another manifest,
    /// [`StudyError::File`] when it cannot be made.
    pub fn open(path: &Path, manifest: &Value) -> Result<Self, StudyError> {
        if !path.join(MANIFEST).exists() && holds_files(path) {
            let difference = "it has files but no manifest.json".to_owned();
            return Err(StudyError::Occupied { dir: path.to_owned(), difference });
        }
        let dir = Self { path: path.to_owned(), _lock: Arc::new(lock(path)?) };
        remove_drafts(path, DEPTH);
        if dir.has(MANIFEST) {
            let found: Value = dir.read(MANIFEST)?;
            return match difference("", &found, manifest) {
                Some(difference) => Err(StudyError::Occupied { dir: dir.path, difference }),
                None => Ok(dir),
            };
        }
        dir.write(MANIFEST, manifest)?;
        Ok(dir)
    }

    /// Opens the folder of a run that is there, whatever it is.
    ///
    /// # Errors
    /// [`StudyError::InUse`], [`StudyError::File`].
    pub fn reopen(path: &Path) -> Result<Self, StudyError> {
        Ok(Self { path: path.to_owned(), _lock: Arc::new(lock(path)?) })
    }

    /// The manifest, as much of it as `T` has.
    ///
    /// # Errors
    /// [`StudyError::File`] or [`StudyError::Damaged`].
    pub fn manifest<T: DeserializeOwned>(&self) -> Result<T, StudyError> {
        self.read(MANIFEST)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path inside.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Whether a cell is there already.
    pub fn has(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }

    /// Reads a JSON file of the run.
    ///
    /// # Errors
    /// [`StudyError::File`] or [`StudyError::Damaged`].
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T, StudyError> {
        let path = self.path.join(name);
        let text = std::fs::read_to_string(&path).map_err(FileError::on("read", &path))?;
        serde_json::from_str(&text)
            .map_err(|e| StudyError::Damaged { path, problem: e.to_string() })
    }

    /// Reads a file of JSON lines.
    ///
    /// # Errors
    /// [`StudyError::File`] or [`StudyError::Damaged`] with the line.
    pub fn read_lines<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, StudyError> {
        let path = self.path.join(name);
        let text = std::fs::read_to_string(&path).map_err(FileError::on("read", &path))?;
        parse(&path, &text)
    }

    /// A file of observations, to be read or gone on with.
    ///
    /// # Errors
    /// [`StudyError::File`] or [`StudyError::Damaged`] with the line.
    pub fn rows<T: Serialize + DeserializeOwned>(&self, name: &str) -> Result<Rows<T>, StudyError> {
        Rows::open(self.path.join(name))
    }

    /// Writes a JSON file; it appears whole or not at all.
    ///
    /// # Errors
    /// [`StudyError::File`].
    pub fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), StudyError> {
        let mut text = serde_json::to_string_pretty(value).map_err(|e| self.invalid(name, e))?;
        text.push('\n');
        self.write_bytes(name, text.as_bytes())
    }

    /// Writes a file of JSON lines; it appears whole or not at all.
    ///
    /// # Errors
    /// [`StudyError::File`].
    pub fn write_lines<T: Serialize>(&self, name: &str, rows: &[T]) -> Result<(), StudyError> {
        let mut text = String::new();
        for row in rows {
            text.push_str(&serde_json::to_string(row).map_err(|e| self.invalid(name, e))?);
            text.push('\n');
        }
        self.write_bytes(name, text.as_bytes())
    }

    fn invalid(&self, name: &str, error: serde_json::Error) -> StudyError {
        FileError::on("write", &self.path.join(name))(std::io::Error::other(error)).into()
    }

    fn write_bytes(&self, name: &str, bytes: &[u8]) -> Result<(), StudyError> {
        let path = self.path.join(name);
        let written =
            std::fs::create_dir_all(folder_of(&path)).and_then(|()| write_whole(&path, bytes));
        Ok(written.map_err(FileError::on("write", &path))?)
    }
}

/// Whether a folder holds more than hidden files, which are what a killed run left half written, or
/// a file manager's.
fn holds_files(path: &Path) -> bool {
    let hidden = |name: std::ffi::OsString| name.to_string_lossy().starts_with('.');
    std::fs::read_dir(path)
        .is_ok_and(|entries| entries.flatten().any(|entry| !hidden(entry.file_name())))
}

/// Removes what killed processes left half written in a folder that is locked, and in its subfolders.
/// What cannot be removed does no harm.
fn remove_drafts(folder: &Path, depth: usize) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, is_folder) = (entry.path(), entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let is_draft = entry.file_name().to_string_lossy().starts_with(DRAFT_PREFIX);
        match (is_draft, is_folder) {
            (true, true) => drop(std::fs::remove_dir_all(path)),
            (true, false) => drop(std::fs::remove_file(path)),
            (false, true) if depth > 1 => remove_drafts(&path, depth - 1),
            (false, _) => {}
        }
    }
}

/// Takes the folder for this process; the system gives it back when the process ends.
fn lock(folder: &Path) -> Result<File, StudyError> {
    let path = folder.join(".lock");
    let on = |what| FileError::on(what, &path);
    std::fs::create_dir_all(folder).map_err(on("write"))?;
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).open(&path).map_err(on("write"))?;
    match FileExt::try_lock(&file) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StudyError::InUse { dir: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(on("lock")(error).into()),
    }
}

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
    use serde_json::json;

    #[test]
    fn a_second_run_goes_on_only_with_the_same_settings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let open = || RunDir::open(&path, &json!({"rank": 4, "model": {"name": "a"}}));
        let dir = open().unwrap();
        dir.write_lines("cell.jsonl", &[1, 2, 3]).unwrap();
        let busy = open().unwrap_err();
        assert!(busy.to_string().contains("another process"), "{busy}");
        drop(dir);
        let dir = open().unwrap();
        assert_eq!(dir.read_lines::<u8>("cell.jsonl").unwrap(), [1, 2, 3]);
        drop(dir);
        let other = RunDir::open(&path, &json!({"rank": 4, "model": {"name": "b"}}));
        let message = other.unwrap_err().to_string();
        assert!(message.contains(r#"model.name was "a" and now is "b""#), "{message}");
    }

    #[test]
    fn what_a_killed_run_left_half_written_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        drop(RunDir::open(&path, &json!({})).unwrap());
        let half = path.join("adapters/.axia-x1");
        std::fs::create_dir_all(&half).unwrap();
        std::fs::write(half.join("adapter_config.json"), "{").unwrap();
        std::fs::write(path.join(".axia-y2"), "{").unwrap();
        std::fs::write(path.join("adapters/.mine"), "kept").unwrap();
        drop(RunDir::open(&path, &json!({})).unwrap());
        assert!(!half.exists() && !path.join(".axia-y2").exists());
        assert!(path.join("adapters/.mine").exists() && path.join(".lock").exists());
    }

    #[test]
    fn damaged_files_are_named_with_their_line() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::open(&folder.path().join("run"), &json!({})).unwrap();
        std::fs::write(dir.join("cell.jsonl"), "1\nx\n").unwrap();
        let message = dir.read_lines::<u8>("cell.jsonl").unwrap_err().to_string();
        assert!(message.contains("cell.jsonl") && message.contains("line 2"), "{message}");
    }

    #[test]
    fn a_folder_with_other_files_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("thesis.tex"), "…").unwrap();
        assert!(matches!(
            RunDir::open(folder.path(), &json!({})),
            Err(StudyError::Occupied { .. })
        ));
    }

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
