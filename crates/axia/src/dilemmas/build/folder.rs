//! The folder of a build: a sample of the candidates, and the finished set.

use super::card::{
    AnnotationCard, Card, FORMAT_VERSION, SetCard, by_basic_value, by_refined_value, is_consistent,
};
use super::markdown;
use crate::dilemmas::annotate::{Annotation, AnnotationSettings, annotations, set_aside};
use crate::dilemmas::words::{hash_word, mix};
use crate::dilemmas::{BuildError, FilterSummary};
use crate::files::{HashWriter, sha256, temporary_beside, write_whole};
use axia_engine::error::FileError;
use axia_values::dilemma::DilemmaSet;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeSet, BinaryHeap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

const SAMPLE: &str = "sample.jsonl";

/// Writes `size` of the candidates, drawn at random with `seed`, to `sample.jsonl` in their order,
/// and gives its path. A larger sample with the same seed holds a smaller one, so that a build can
/// go on with more posts.
///
/// # Errors
/// [`BuildError::File`], [`BuildError::Damaged`].
pub fn sample(folder: &BuildFolder, size: usize, seed: u64) -> Result<PathBuf, BuildError> {
    let (from, path) = (folder.candidates(), folder.join(SAMPLE));
    let mut least: BinaryHeap<(u64, usize)> = BinaryHeap::new();
    for_each_line(&from, |index, line| {
        #[derive(Deserialize)]
        struct Post<'a> {
            #[serde(borrow)]
            id: &'a str,
        }
        let post: Post<'_> = serde_json::from_str(line)
            .map_err(|e| damaged(&from, format!("line {}: {e}", index + 1)))?;
        least.push((mix(hash_word(post.id) ^ mix(seed)), index));
        if least.len() > size {
            least.pop();
        }
        Ok(())
    })?;
    let chosen: BTreeSet<usize> = least.into_iter().map(|(_, index)| index).collect();
    let failed = || FileError::on("write", &path);
    let mut out = BufWriter::new(temporary_beside(&path).map_err(failed())?);
    for_each_line(&from, |index, line| {
        if chosen.contains(&index) {
            writeln!(out, "{line}").map_err(failed())?;
        }
        Ok(())
    })?;
    let file = out.into_inner().map_err(|e| failed()(e.into_error()))?;
    file.persist(&path).map_err(|e| failed()(e.error))?;
    Ok(path)
}

fn damaged(path: &Path, problem: String) -> BuildError {
    BuildError::Damaged { path: path.to_owned(), problem }
}

fn for_each_line(
    path: &Path,
    mut each: impl FnMut(usize, &str) -> Result<(), BuildError>,
) -> Result<(), BuildError> {
    let failed = |error: io::Error| FileError::on("read", path)(error);
    let mut lines = BufReader::new(File::open(path).map_err(failed)?);
    let mut line = String::new();
    for index in 0.. {
        line.clear();
        if lines.read_line(&mut line).map_err(failed)? == 0 {
            break;
        }
        each(index, line.trim_end())?;
    }
    Ok(())
}

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

const DILEMMAS: &str = "dilemmas.jsonl";
const CARD: &str = "card.json";
const CARD_MARKDOWN: &str = "card.md";

/// Settings of the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishSettings {
    /// Most dilemmas of a basic value.
    pub cap: usize,
    /// Seed of the draw where there are more.
    pub seed: u64,
}

impl Default for FinishSettings {
    fn default() -> Self {
        Self { cap: 500, seed: 0 }
    }
}

/// Writes the data set and its card from all annotations so far; gives the card. What was written
/// before is replaced.
///
/// Annotations that depended on the order of the labels are left out.
///
/// # Errors
/// [`BuildError::File`], [`BuildError::Annotate`], [`BuildError::Set`].
pub fn finish(
    folder: &BuildFolder,
    filter: &FilterSummary,
    how: &AnnotationSettings,
    settings: FinishSettings,
) -> Result<Card, BuildError> {
    let rows = annotations(folder.path())?;
    let others = set_aside(folder.path())?;
    let hash = hash_of(folder, &rows)?;
    let candidates = filter.counts.candidates;
    let card = Card {
        format_version: FORMAT_VERSION,
        axia_version: env!("CARGO_PKG_VERSION").to_owned(),
        filter: filter.clone(),
        annotation: AnnotationCard::new(json!(how), candidates, &rows, &others, hash),
        dilemmas: write_set(folder, filter, rows, settings)?,
    };
    folder.write(CARD, &card)?;
    folder.write_text(CARD_MARKDOWN, &markdown::render(&card))?;
    Ok(card)
}

/// Writes the consistent annotations as a set, if there are any.
fn write_set(
    folder: &BuildFolder,
    filter: &FilterSummary,
    rows: Vec<Annotation>,
    settings: FinishSettings,
) -> Result<Option<SetCard>, BuildError> {
    let consistent = rows.into_iter().filter(is_consistent);
    let all = DilemmaSet {
        name: filter.settings.subreddit.clone(),
        licence: None,
        dilemmas: consistent.map(|row| row.dilemma).collect(),
    };
    if all.dilemmas.is_empty() {
        return Ok(None);
    }
    let set = all.capped(settings.cap, settings.seed);
    let text = set.to_jsonl()?;
    folder.write_text(DILEMMAS, &text)?;
    Ok(Some(SetCard {
        cap: settings.cap,
        seed: settings.seed,
        annotated: all.dilemmas.len() as u64,
        dilemmas: set.dilemmas.len() as u64,
        basic: by_basic_value(&all.dilemmas, &set.dilemmas),
        values: by_refined_value(&set.dilemmas),
        content_hash: set.content_hash(),
        sha256: sha256(text.as_bytes()),
    }))
}

/// SHA-256 of the annotations as lines, whatever the order in which they came.
fn hash_of(folder: &BuildFolder, rows: &[Annotation]) -> Result<String, BuildError> {
    let mut digest = HashWriter::default();
    for row in rows {
        let written = serde_json::to_writer(&mut digest, row).map_err(io::Error::from);
        let ended = written.and_then(|()| digest.write_all(b"\n"));
        ended.map_err(FileError::on("hash the annotations in", folder.path()))?;
    }
    Ok(digest.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_samples_hold_smaller_ones() {
        let dir = tempfile::tempdir().unwrap();
        let folder = BuildFolder::open(dir.path()).unwrap();
        let posts: Vec<String> = (0..200).map(|i| format!("{{\"id\":\"p{i}\",\"n\":1}}")).collect();
        std::fs::write(folder.candidates(), posts.join("\n") + "\n").unwrap();
        let drawn = |size, seed| -> Vec<String> {
            let path = sample(&folder, size, seed).unwrap();
            std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
        };
        let (few, many) = (drawn(20, 1), drawn(60, 1));
        assert_eq!((few.len(), many.len(), drawn(500, 1).len()), (20, 60, 200));
        assert!(few.iter().all(|post| many.contains(post)));
        assert_eq!(drawn(20, 1), few);
        assert_ne!(drawn(20, 2), few);
        // In the order of the candidates, from all over them.
        let places: Vec<usize> =
            many.iter().map(|post| posts.iter().position(|p| p == post).unwrap()).collect();
        assert!(places.is_sorted());
        assert!((20..40).contains(&places.iter().filter(|place| **place < 100).count()));
    }

    #[test]
    fn damaged_candidates_are_named_with_their_line() {
        let dir = tempfile::tempdir().unwrap();
        let folder = BuildFolder::open(dir.path()).unwrap();
        std::fs::write(folder.candidates(), "{\"id\":\"a\"}\n{\"id\":3}\n").unwrap();
        let message = sample(&folder, 1, 0).unwrap_err().to_string();
        assert!(message.contains("candidates.jsonl") && message.contains("line 2"), "{message}");
    }
}
