//! What a build's folder knows of its filter stage.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::stage::{self, FORMAT_VERSION, stat};
use super::{FilterSettings, FilterSummary, InputFile};
use crate::dilemmas::build::{CANDIDATES, FILTER};
use crate::dilemmas::dump::Archive;
use crate::dilemmas::{BuildError, BuildFolder};
use crate::files::difference;
use crate::respondent::Progress;

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
