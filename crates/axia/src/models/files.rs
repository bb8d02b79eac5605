//! File operations shared by the ways to fetch a model.

use super::ModelError;
use crate::files::hexadecimal;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Bytes read at a time: between two reads a cancellation is seen.
pub(super) const CHUNK: usize = 256 * 1024;

pub(super) fn create_folder(path: &Path, variable: &'static str) -> Result<(), ModelError> {
    fs::create_dir_all(path).map_err(|e| ModelError::io("create the folder", path, variable, e))
}

/// Renames a complete file into place, durably: its bytes are on disk before
/// its name is, and the name is before this returns.
pub(super) fn move_into_place(
    from: &Path,
    to: &Path,
    variable: &'static str,
) -> Result<(), ModelError> {
    // Opened for writing because Windows syncs no other handles.
    OpenOptions::new()
        .write(true)
        .open(from)
        .and_then(|file| file.sync_all())
        .map_err(|e| ModelError::io("write", from, variable, e))?;
    fs::rename(from, to).map_err(|e| ModelError::io("move a file to", to, variable, e))?;
    #[cfg(unix)]
    if let Some(folder) = to.parent() {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|e| ModelError::io("write", folder, variable, e))?;
    }
    Ok(())
}

/// Fails early if the disk lacks the room for `needed` bytes more.
pub(super) fn require_space(
    folder: &Path,
    needed: u64,
    variable: &'static str,
) -> Result<(), ModelError> {
    match fs4::available_space(folder) {
        Ok(available) if available < needed => Err(ModelError::DiskFull {
            folder: folder.to_path_buf(),
            needed: Some(needed),
            available: Some(available),
            variable,
        }),
        // Some file systems cannot say; then writing will tell.
        _ => Ok(()),
    }
}

/// Size of the file at `path`, following links; `None` if there is none.
pub(super) fn file_size(path: &Path) -> Option<u64> {
    let metadata = fs::metadata(path).ok()?;
    metadata.is_file().then_some(metadata.len())
}

/// SHA-256 of a file in lower-case hexadecimal.
pub(super) fn sha256_of(
    path: &Path,
    label: &str,
    variable: &'static str,
    watch: &mut Watch,
) -> Result<String, ModelError> {
    hash_of(Sha256::new(), path, label, variable, watch)
}

/// Git's hash of a file: SHA-1 of what git calls a blob, in lower-case hexadecimal.
pub(super) fn git_hash_of(
    path: &Path,
    label: &str,
    variable: &'static str,
    watch: &mut Watch,
) -> Result<String, ModelError> {
    let head = format!("blob {}\0", file_size(path).unwrap_or_default());
    hash_of(Sha1::new().chain_update(head), path, label, variable, watch)
}

/// The hash of what `hash` has taken in already and then the file, in lower-case hexadecimal.
fn hash_of<H: Digest>(
    hash: H,
    path: &Path,
    label: &str,
    variable: &'static str,
    watch: &mut Watch,
) -> Result<String, ModelError> {
    let file = File::open(path).map_err(|e| ModelError::io("read", path, variable, e))?;
    let hash = hash_rest(hash, &file, path, label, variable, watch)?;
    Ok(hexadecimal(&hash.finalize()))
}

/// Goes on with `hash` through `file` from where it stands; leaves the file at its end.
pub(super) fn hash_rest<H: Digest>(
    mut hash: H,
    mut file: &File,
    path: &Path,
    label: &str,
    variable: &'static str,
    watch: &mut Watch,
) -> Result<H, ModelError> {
    let failed = |e| ModelError::io("read", path, variable, e);
    watch.begin(label, file.metadata().map_err(failed)?.len());
    let mut chunk = vec![0; CHUNK];
    let mut done = 0;
    loop {
        watch.check()?;
        let read = file.read(&mut chunk).map_err(failed)?;
        if read == 0 {
            break;
        }
        hash.update(&chunk[..read]);
        done += read as u64;
        watch.advance(done);
    }
    watch.end();
    Ok(hash)
}

/// Told how long-running work goes, so that a command line can draw a bar.
///
/// Work is a series of steps, one at a time: `begin`, any number of `advance`,
/// `end`. A step that fails has no `end`.
pub trait Progress {
    /// A step begins; `total` is its size in bytes.
    fn begin(&mut self, label: &str, total: u64);

    /// `done` bytes of the current step are done, counted from its beginning.
    fn advance(&mut self, done: u64);

    /// The current step is complete.
    fn end(&mut self);

    /// One line for the user, such as why nothing moves. Goes to standard
    /// error unless overridden; a bar overrides it to print above itself.
    fn note(&mut self, message: &str) {
        eprintln!("{message}");
    }
}

/// Reports nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct Quiet;

impl Progress for Quiet {
    fn begin(&mut self, _label: &str, _total: u64) {}
    fn advance(&mut self, _done: u64) {}
    fn end(&mut self) {}
    fn note(&mut self, _message: &str) {}
}

/// What long-running work answers to: someone to report to, and a flag that
/// asks it to stop.
pub struct Watch<'a> {
    progress: &'a mut dyn Progress,
    cancel: &'a AtomicBool,
}

impl<'a> Watch<'a> {
    /// Reports to `progress`; once `cancel` is true the work cleans up and
    /// returns [`ModelError::Cancelled`].
    pub fn new(progress: &'a mut dyn Progress, cancel: &'a AtomicBool) -> Self {
        Self { progress, cancel }
    }

    pub(super) fn begin(&mut self, label: &str, total: u64) {
        self.progress.begin(label, total);
    }

    pub(super) fn advance(&mut self, done: u64) {
        self.progress.advance(done);
    }

    pub(super) fn end(&mut self) {
        self.progress.end();
    }

    pub(super) fn note(&mut self, message: &str) {
        self.progress.note(message);
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        match self.cancel.load(Ordering::Relaxed) {
            true => Err(ModelError::Cancelled),
            false => Ok(()),
        }
    }

    /// Sleeps for `length`, but wakes soon after a cancellation.
    pub(super) fn pause(&self, length: Duration) -> Result<(), ModelError> {
        const SLICE: Duration = Duration::from_millis(50);
        let until = Instant::now() + length;
        loop {
            self.check()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(SLICE));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Quiet;
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn sha256_of_a_known_text() {
        // FIPS 180-2, example B.1.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        fs::write(&path, "abc").unwrap();
        let cancel = AtomicBool::new(false);
        let mut quiet = Quiet;
        let mut watch = Watch::new(&mut quiet, &cancel);
        assert_eq!(
            sha256_of(&path, "", "X", &mut watch).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn too_little_space_says_how_much_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let error = require_space(folder.path(), u64::MAX, "AXIA_CACHE").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("is full: 18446744073710 MB are needed"), "{text}");
        assert!(text.contains("set AXIA_CACHE"), "{text}");
    }

    #[test]
    fn a_full_disk_is_told_apart_from_other_failures() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = ModelError::io("write", Path::new("/d/f"), "AXIA_CACHE", full);
        assert!(matches!(error, ModelError::DiskFull { .. }), "{error}");
    }
}
