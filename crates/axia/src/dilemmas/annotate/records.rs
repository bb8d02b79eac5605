//! The files of an annotation, which grow by one whole line at a time.

use super::{AnnotateError, AnnotationSettings, Vote};
use crate::files::{difference, write_whole};
use axia_engine::error::FileError;
use axia_values::dilemma::Dilemma;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

const SETTINGS: &str = "annotation.json";
const ANNOTATIONS: &str = "annotations.jsonl";
const SET_ASIDE: &str = "set_aside.jsonl";

/// The annotations in `folder`, sorted by id, whatever the order in which they came.
///
/// # Errors
/// [`AnnotateError::File`], [`AnnotateError::Damaged`].
pub fn annotations(folder: &Path) -> Result<Vec<Annotation>, AnnotateError> {
    let mut rows: Vec<Annotation> = read(&folder.join(ANNOTATIONS))?;
    rows.sort_by(|a, b| a.dilemma.id.cmp(&b.dilemma.id));
    Ok(rows)
}

/// The posts that were set aside in `folder`, sorted by id.
///
/// # Errors
/// [`AnnotateError::File`], [`AnnotateError::Damaged`].
pub fn set_aside(folder: &Path) -> Result<Vec<SetAside>, AnnotateError> {
    let mut rows: Vec<SetAside> = read(&folder.join(SET_ASIDE))?;
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(rows)
}

/// A folder that is being written to.
pub(super) struct Records {
    annotations: Lines,
    set_aside: Lines,
    ids: HashSet<String>,
    /// Whether the annotator had answered before.
    answered: bool,
}

impl Records {
    /// Opens or makes `folder` for an annotation with `settings`; what a killed process left half
    /// written is cut off.
    pub(super) fn open(
        folder: &Path,
        settings: &AnnotationSettings,
    ) -> Result<Self, AnnotateError> {
        std::fs::create_dir_all(folder).map_err(FileError::on("create the folder", folder))?;
        // The lock comes first, so that nobody else's line is taken for a torn one.
        let mut annotations = Lines::lock(&folder.join(ANNOTATIONS), folder)?;
        let mut set_aside = Lines::lock(&folder.join(SET_ASIDE), folder)?;
        keep_settings(folder, &settings.record())?;
        let annotated: Vec<Annotation> = annotations.recover()?;
        let others: Vec<SetAside> = set_aside.recover()?;
        let answered = !annotated.is_empty() || others.iter().any(SetAside::was_answered);
        let ids = annotated.into_iter().map(|row| row.dilemma.id);
        let ids = ids.chain(others.into_iter().map(|row| row.id)).collect();
        Ok(Self { annotations, set_aside, ids, answered })
    }

    /// The posts that need not be asked about again.
    pub(super) fn ids(&self) -> HashSet<String> {
        self.ids.clone()
    }

    /// Whether the annotator had answered before.
    pub(super) fn answered(&self) -> bool {
        self.answered
    }

    pub(super) fn annotate(&mut self, row: &Annotation) -> Result<(), AnnotateError> {
        self.annotations.append(row)
    }

    pub(super) fn set_aside(&mut self, row: &SetAside) -> Result<(), AnnotateError> {
        self.set_aside.append(row)
    }
}

/// Records the settings, or refuses others than those recorded.
fn keep_settings(folder: &Path, wanted: &Value) -> Result<(), AnnotateError> {
    let path = folder.join(SETTINGS);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let text = format!("{wanted:#}\n");
            write_whole(&path, text.as_bytes()).map_err(FileError::on("write", &path))?;
            return Ok(());
        }
        Err(e) => return Err(FileError::on("read", &path)(e).into()),
    };
    let found: Value = serde_json::from_str(&text).map_err(|e| AnnotateError::Damaged {
        path,
        line: e.line(),
        problem: e.to_string(),
    })?;
    match difference("", &found, wanted) {
        Some(difference) => Err(AnnotateError::Occupied { folder: folder.to_owned(), difference }),
        None => Ok(()),
    }
}

/// A file of JSON lines, open for appending and for this process alone.
struct Lines {
    path: PathBuf,
    file: File,
}

impl Lines {
    fn lock(path: &Path, folder: &Path) -> Result<Self, AnnotateError> {
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).read(true).write(true).open(path);
        let file = file.map_err(FileError::on("open", path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), file }),
            Err(TryLockError::WouldBlock) => {
                Err(AnnotateError::InUse { folder: folder.to_owned() })
            }
            Err(TryLockError::Error(e)) => Err(FileError::on("lock", path)(e).into()),
        }
    }

    /// Reads the whole lines and cuts off what follows them.
    fn recover<T: DeserializeOwned>(&mut self) -> Result<Vec<T>, AnnotateError> {
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes).map_err(FileError::on("read", &self.path))?;
        let whole = whole_lines(&bytes);
        let rows = parse(&self.path, whole)?;
        let end = whole.len() as u64;
        self.file
            .set_len(end)
            .and_then(|()| self.file.seek(SeekFrom::Start(end)))
            .map_err(FileError::on("write", &self.path))?;
        Ok(rows)
    }

    /// Adds one line, in one write.
    fn append<T: Serialize>(&mut self, row: &T) -> Result<(), AnnotateError> {
        let line = serde_json::to_vec(row).map_err(io::Error::other);
        let written = line.and_then(|mut line| {
            line.push(b'\n');
            self.file.write_all(&line)
        });
        Ok(written.map_err(FileError::on("write", &self.path))?)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, AnnotateError> {
    let bytes = std::fs::read(path).map_err(FileError::on("read", path))?;
    parse(path, whole_lines(&bytes))
}

/// `bytes` up to the last line break.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    &bytes[..end]
}

fn parse<T: DeserializeOwned>(path: &Path, lines: &[u8]) -> Result<Vec<T>, AnnotateError> {
    let lines = lines.split_inclusive(|&byte| byte == b'\n').enumerate();
    lines
        .map(|(i, line)| {
            serde_json::from_slice(line).map_err(|e| AnnotateError::Damaged {
                path: path.to_owned(),
                line: i + 1,
                problem: e.to_string(),
            })
        })
        .collect()
}

/// An annotated post; a line of `annotations.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Annotation {
    /// The post with what the majority says.
    pub dilemma: Dilemma,
    /// What each usable answer said, in the order asked.
    pub votes: Vec<Vote>,
    /// What was said when the labels were listed in another order; `None` if that was not asked,
    /// or brought no usable answer.
    pub swapped: Option<Vote>,
    /// Whether the annotator read the post with control tokens broken up or control characters
    /// left out.
    pub neutralised: bool,
}

/// A post without a usable annotation; a line of `set_aside.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetAside {
    /// The post's id.
    pub id: String,
    /// Why.
    pub reason: String,
    /// What each usable answer said, where there were some.
    pub votes: Vec<Vote>,
    /// The beginning of the last answer, on one line; `None` if there was none.
    pub last_answer: Option<String>,
    /// As in [`Annotation::neutralised`].
    pub neutralised: bool,
}

impl SetAside {
    /// Whether the annotator said anything.
    pub(super) fn was_answered(&self) -> bool {
        self.last_answer.is_some() || !self.votes.is_empty()
    }
}
