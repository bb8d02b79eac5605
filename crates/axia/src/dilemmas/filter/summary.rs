//! What the filter stage found.

use super::FilterSettings;
use super::stage::{self, FORMAT_VERSION, stat};
use crate::dilemmas::build::{CANDIDATES, FILTER};
use crate::dilemmas::dump::{Archive, Packing};
use crate::dilemmas::{BuildError, BuildFolder};
use crate::files::difference;
use crate::respondent::Progress;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a line of a dump is no candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It belongs to another subreddit, or to none. Of such a line no more is looked at than
    /// whether it is whole.
    OtherSubreddit,
    /// It passes on another submission.
    Crosspost,
    /// It is a link or a picture.
    Link,
    /// It was deleted by its author or removed by someone else.
    Removed,
    /// It has no text, or none that is left after cleaning.
    Empty,
    /// It is about the subreddit, or by its moderators.
    Meta,
    /// It tells what happened after another post.
    Update,
    /// Its cleaned text has too few words.
    TooShort,
    /// Its text has too many words.
    TooLong,
    /// Its text is in another language.
    Language,
    /// A submission with the same id came before.
    SameId,
    /// A post with the same words came before.
    SameText,
    /// A post with nearly the same words came before.
    NearDuplicate,
}

impl Reason {
    /// The reason in words, for tables.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::OtherSubreddit => "of another subreddit",
            Self::Crosspost => "crossposts",
            Self::Link => "links and pictures",
            Self::Removed => "deleted or removed",
            Self::Empty => "without text",
            Self::Meta => "about the subreddit",
            Self::Update => "updates of other posts",
            Self::TooShort => "too short",
            Self::TooLong => "too long",
            Self::Language => "in another language",
            Self::SameId => "read before (same id)",
            Self::SameText => "exact duplicates",
            Self::NearDuplicate => "near-duplicates",
        }
    }
}

/// Where every line went: `lines` is the sum of all others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Lines of all dumps.
    pub lines: u64,
    /// Lines with nothing on them.
    pub blank: u64,
    /// Lines that are no submission.
    pub broken: u64,
    /// Submissions that were dropped, by reason.
    pub dropped: BTreeMap<Reason, u64>,
    /// Posts that are left.
    pub candidates: u64,
}

impl Counts {
    /// Counts a submission as dropped.
    pub(super) fn drop_one(&mut self, reason: Reason) {
        *self.dropped.entry(reason).or_default() += 1;
    }

    /// Adds the counts of another part of the dumps.
    pub(super) fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.blank += other.blank;
        self.broken += other.broken;
        self.candidates += other.candidates;
        for (reason, count) in &other.dropped {
            *self.dropped.entry(*reason).or_default() += count;
        }
    }

    /// Whether every line is counted exactly once.
    #[must_use]
    pub fn add_up(&self) -> bool {
        let dropped: u64 = self.dropped.values().sum();
        self.lines == self.blank + self.broken + dropped + self.candidates
    }
}

impl fmt::Display for Counts {
    /// For example `of 10 lines 2 are broken, 5 too short, 3 left`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of {} lines", self.lines)?;
        if self.broken > 0 {
            write!(f, " {} are broken,", self.broken)?;
        }
        for (reason, count) in &self.dropped {
            write!(f, " {count} {},", reason.label())?;
        }
        write!(f, " {} left", self.candidates)
    }
}

/// A line that is no submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokenLine {
    /// The dump.
    pub file: PathBuf,
    /// Its line, counted from 1.
    pub line: u64,
    /// Where the line begins, in unpacked bytes from the beginning of the dump.
    pub offset: u64,
    /// What is wrong: the field, what was found, what was expected.
    pub problem: String,
}

impl fmt::Display for BrokenLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, offset, problem } = self;
        write!(f, "`{}`, line {line} (byte {offset}): {problem}", file.display())
    }
}

/// A dump as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputFile {
    /// As the user named it.
    pub path: PathBuf,
    /// Its size on the disk.
    pub bytes: u64,
    /// When it was last changed.
    pub modified: String,
    /// Its SHA-256.
    pub sha256: String,
    /// How it is packed.
    pub packing: Packing,
    /// Its size unpacked, as far as that went.
    pub unpacked_bytes: u64,
    /// Its lines.
    pub lines: u64,
    /// Why it could not be unpacked to its end, if so.
    pub damage: Option<String>,
}

/// Everything about the filter stage of a build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterSummary {
    /// Version of this file's format.
    pub format_version: u32,
    /// What was let through.
    pub settings: FilterSettings,
    /// What was read, in this order.
    pub inputs: Vec<InputFile>,
    /// Where every line went.
    pub counts: Counts,
    /// The first of the broken lines.
    pub broken_lines: Vec<BrokenLine>,
    /// When the oldest and the newest candidate were posted, in seconds since 1970 (UTC).
    pub created_utc: (i64, i64),
    /// Size of the file of candidates.
    pub candidates_bytes: u64,
    /// SHA-256 of the file of candidates.
    pub candidates_sha256: String,
}

/// The candidates of a build: filtered from the dumps `inputs` now, or before with the same
/// settings from files of the same contents. `progress` is told the bytes read.
///
/// # Errors
/// [`BuildError::Occupied`] if the folder holds a build of something else, [`BuildError::NoDump`],
/// [`BuildError::NoCandidates`], [`BuildError::Setting`], [`BuildError::File`],
/// [`BuildError::Cancelled`].
pub fn filter(
    inputs: &[PathBuf],
    settings: &FilterSettings,
    folder: &BuildFolder,
    threads: usize,
    progress: Progress,
) -> Result<FilterSummary, BuildError> {
    settings.check()?;
    if let Some(done) = recorded(inputs, settings, folder)? {
        return Ok(done);
    }
    let summary = stage::run(inputs, settings, &folder.join(CANDIDATES), threads, progress)?;
    folder.write(FILTER, &summary)?;
    Ok(summary)
}

/// The summary of the same stage, if it has been done and its candidates are still there.
fn recorded(
    inputs: &[PathBuf],
    settings: &FilterSettings,
    folder: &BuildFolder,
) -> Result<Option<FilterSummary>, BuildError> {
    let Some(found) = folder.read::<FilterSummary>(FILTER)? else {
        return Ok(None);
    };
    let occupied = |difference: String| {
        Err(BuildError::Occupied { dir: folder.path().to_owned(), difference })
    };
    let of = |version: u32, settings| json!({"format_version": version, "settings": settings});
    let (before, now) = (of(found.format_version, &found.settings), of(FORMAT_VERSION, settings));
    if let Some(difference) = difference("", &before, &now) {
        return occupied(difference);
    }
    if inputs.len() != found.inputs.len() {
        let (before, now) = (found.inputs.len(), inputs.len());
        return occupied(format!("it was made from {before} dumps, and now there are {now}"));
    }
    for (path, before) in inputs.iter().zip(&found.inputs) {
        if !is_same(path, before)? {
            let (path, before) = (path.display(), before.path.display());
            return occupied(format!("`{path}` has other contents than `{before}` had"));
        }
    }
    let candidates = folder.join(CANDIDATES);
    let there = candidates.metadata().is_ok_and(|file| file.len() == found.candidates_bytes);
    Ok(there.then_some(found))
}

/// Whether a dump is what it was when it was read: by size and time of its last change, or else by
/// its contents, for a copy has another time.
fn is_same(path: &Path, before: &InputFile) -> Result<bool, BuildError> {
    let (bytes, modified) = stat(path)?;
    Ok(bytes == before.bytes
        && (modified == before.modified
            || Archive::open(path, Arc::default())?.finish()? == before.sha256))
}
