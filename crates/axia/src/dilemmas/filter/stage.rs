//! One thread reads and unpacks, some parse and clean, the caller's puts together.

use super::reader::{Examined, ReadFile, Reader, Work, examine};
use super::screen::Screen;
use super::sieve::Sieve;
use super::{FilterSummary, InputFile};
use crate::dilemmas::BuildError;
use crate::dilemmas::dump::Archive;
use crate::respondent::Progress;
use axia_engine::error::FileError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Threads beyond which the one that unpacks is the slowest by far.
const MOST_WORKERS: usize = 8;

/// Version of the summary's format.
pub(super) const FORMAT_VERSION: u32 = 1;

/// Filters dumps into the file `path`, which appears whole or not at all. `threads` share the work
/// with one more that reads. `progress` is told the bytes read from the disk.
pub(super) fn run(
    inputs: &[PathBuf],
    settings: &FilterSettings,
    path: &Path,
    threads: usize,
    progress: Progress,
) -> Result<FilterSummary, BuildError> {
    let screen = Screen::new(settings)?;
    let stats = inputs.iter().map(|input| stat(input)).collect::<Result<Vec<_>, _>>()?;
    let mut sieve = Sieve::new(inputs, path).map_err(FileError::on("write", path))?;
    let files = sift(inputs, &screen, threads, &mut sieve, path, progress)?;
    let failed = || FileError::on("write", path);
    let (file, found) = sieve.finish(settings.near_duplicate).map_err(failed())?;
    if found.counts.candidates == 0 {
        let broken = found.broken.first().map(|line| format!("; the first broken line: {line}"));
        let message = format!("{}{}", found.counts, broken.unwrap_or_default());
        return Err(BuildError::NoCandidates(message));
    }
    file.persist(path).map_err(|e| failed()(e.error))?;
    let inputs = inputs.iter().zip(files).zip(stats).zip(&found.lines_of_file);
    let inputs = inputs.map(|(((path, file), (bytes, modified)), lines)| InputFile {
        path: path.clone(),
        bytes,
        modified,
        sha256: file.sha256,
        packing: file.packing,
        unpacked_bytes: file.unpacked_bytes,
        lines: *lines,
        damage: file.damage,
    });
    Ok(FilterSummary {
        format_version: FORMAT_VERSION,
        settings: settings.clone(),
        inputs: inputs.collect(),
        counts: found.counts,
        broken_lines: found.broken,
        created_utc: found.created_utc,
        candidates_bytes: found.bytes,
        candidates_sha256: found.sha256,
    })
}

/// The size of a dump and when it was last changed, after a look whether it is one: better now
/// than when the others have been read.
pub(super) fn stat(path: &Path) -> Result<(u64, String), BuildError> {
    let metadata = path.metadata().map_err(FileError::on("open", path))?;
    let modified = metadata.modified().map_err(FileError::on("read", path))?;
    Archive::open(path, Arc::default())?;
    Ok((metadata.len(), humantime::format_rfc3339_nanos(modified).to_string()))
}

/// Runs the threads and feeds the sieve with what they find, in the order of the dumps.
fn sift(
    inputs: &[PathBuf],
    screen: &Screen<'_>,
    threads: usize,
    sieve: &mut Sieve<'_>,
    path: &Path,
    progress: Progress,
) -> Result<Vec<ReadFile>, BuildError> {
    let workers = threads.clamp(1, MOST_WORKERS);
    let (read, stop) = (Arc::new(AtomicU64::new(0)), AtomicBool::new(false));
    let (give_buffer, buffers) = channel();
    let (give_work, work) = channel();
    let (give_found, found) = channel();
    // Two for each worker and some for the reader: none ever waits, and memory stays bounded.
    for _ in 0..2 * workers + 2 {
        // The other end is right here.
        let _ = give_buffer.send(Vec::new());
    }
    let work = Mutex::new(work);
    thread::scope(|scope| {
        let reader = Reader { inputs, read: &read, stop: &stop, buffers, work: give_work };
        let reader = scope.spawn(|| reader.run());
        for _ in 0..workers {
            let give_found = give_found.clone();
            let work = &work;
            scope.spawn(move || work_on(work, screen, &give_found));
        }
        drop(give_found);
        let mut feed = Feed { sieve, path, read: &read, progress };
        let fed = feed.all(&found, &give_buffer);
        // After a failure the reader may wait for a buffer, or still have much to read.
        stop.store(true, Ordering::Relaxed);
        drop(give_buffer);
        let files = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        fed.and(files)
    })
}

/// Examines pieces until there are no more.
fn work_on(work: &Mutex<Receiver<Work>>, screen: &Screen<'_>, found: &Sender<Examined>) {
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(piece) = next else { break };
        if found.send(examine(piece, screen)).is_err() {
            break;
        }
    }
}

/// Puts what the workers find back into order.
struct Feed<'a, 'b> {
    sieve: &'a mut Sieve<'b>,
    path: &'a Path,
    read: &'a AtomicU64,
    progress: Progress<'a>,
}

impl Feed<'_, '_> {
    fn all(
        &mut self,
        found: &Receiver<Examined>,
        buffers: &Sender<Vec<u8>>,
    ) -> Result<(), BuildError> {
        let mut early = BTreeMap::new();
        let mut next = 0;
        for piece in found {
            early.insert(piece.sequence, piece);
            while let Some(piece) = early.remove(&next) {
                self.sieve.take(&piece).map_err(FileError::on("write", self.path))?;
                // The reader has ended if it does not want it back.
                let _ = buffers.send(piece.buffer);
                next += 1;
            }
            if !(self.progress)(self.read.load(Ordering::Relaxed) as usize) {
                return Err(BuildError::Cancelled);
            }
        }
        Ok(())
    }
}

/// Settings of the filter stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterSettings {
    /// The subreddit whose posts are taken; case does not count.
    pub subreddit: String,
    /// Fewest words of a cleaned text.
    pub min_words: usize,
    /// Most words of a cleaned text.
    pub max_words: usize,
    /// Whether texts must be English.
    pub english_only: bool,
    /// Similarity from 0 to 1 from which on two posts count as one: the share of the two texts'
    /// runs of three words that they have in common.
    pub near_duplicate: f64,
}

impl Default for FilterSettings {
    fn default() -> Self {
        Self {
            subreddit: "AmItheAsshole".to_owned(),
            min_words: 80,
            max_words: 600,
            english_only: true,
            near_duplicate: 0.7,
        }
    }
}

impl FilterSettings {
    /// Fails for settings that let nothing through.
    ///
    /// # Errors
    /// [`BuildError::Setting`].
    pub fn check(&self) -> Result<(), BuildError> {
        let complain = |message: String| Err(BuildError::Setting(message));
        let name = &self.subreddit;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return complain(format!("`{name}` is no subreddit; give its name without `r/`"));
        }
        if self.min_words > self.max_words {
            let (min, max) = (self.min_words, self.max_words);
            return complain(format!("no text has at least {min} and at most {max} words"));
        }
        // Below, texts that share but a phrase would be called the same.
        if !(0.3..=1.0).contains(&self.near_duplicate) {
            let found = self.near_duplicate;
            return complain(format!("near-duplicate similarity {found} is not in 0.3 to 1"));
        }
        Ok(())
    }
}
