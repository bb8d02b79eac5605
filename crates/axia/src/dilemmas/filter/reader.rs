//! The thread that reads: it unpacks the dumps and hands out blocks of lines.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};

use axia_engine::error::FileError;

use crate::dilemmas::BuildError;
use crate::dilemmas::dump::{Archive, Blocks, Packing, Piece};

/// A piece of a dump to be examined.
pub(super) struct Work {
    /// Counted over all dumps.
    pub(super) sequence: u64,
    /// The dump, by its place among the inputs.
    pub(super) file: usize,
    pub(super) piece: Piece,
}

/// What is known of a dump after reading it.
pub(super) struct ReadFile {
    pub(super) packing: Packing,
    pub(super) sha256: String,
    pub(super) unpacked_bytes: u64,
    pub(super) damage: Option<String>,
}

/// Reads dumps one after the other.
pub(super) struct Reader<'a> {
    pub(super) inputs: &'a [PathBuf],
    /// Bytes taken from the disk so far.
    pub(super) read: &'a Arc<AtomicU64>,
    /// Set when there is no more use in reading.
    pub(super) stop: &'a AtomicBool,
    /// Buffers to read into. Each comes back when its lines are done with, so that their number
    /// bounds what is held in memory.
    pub(super) buffers: Receiver<Vec<u8>>,
    pub(super) work: Sender<Work>,
}

impl Reader<'_> {
    /// Reads everything; stops early, without an error, when told to.
    ///
    /// # Errors
    /// [`BuildError::File`] if the system cannot read. An archive that is damaged or breaks off is
    /// no error: what comes before the damage is handed out.
    pub(super) fn run(self) -> Result<Vec<ReadFile>, BuildError> {
        let mut sequence = 0;
        let mut files = Vec::with_capacity(self.inputs.len());
        // Pieces take buffers along; the one that the end of a dump leaves is for the next dump.
        let mut buffer = None;
        for (file, path) in self.inputs.iter().enumerate() {
            let archive = Archive::open(path, Arc::clone(self.read))?;
            let mut blocks = Blocks::new(archive);
            loop {
                let Some(mut free) = buffer.take().or_else(|| self.buffers.recv().ok()) else {
                    return Ok(files);
                };
                if self.stop.load(Ordering::Relaxed) {
                    return Ok(files);
                }
                let Some(piece) = blocks.next(&mut free) else {
                    buffer = Some(free);
                    break;
                };
                if self.work.send(Work { sequence, file, piece }).is_err() {
                    return Ok(files);
                }
                sequence += 1;
            }
            let unpacked_bytes = blocks.offset();
            let (archive, error) = blocks.into_parts();
            let damage = match error {
                // The system's errors have a number, those of the unpackers have none.
                Some(error) if error.raw_os_error().is_some() => {
                    return Err(FileError::on("read", path)(error).into());
                }
                error => error.map(|error| error.to_string()),
            };
            let packing = archive.packing();
            files.push(ReadFile { packing, sha256: archive.finish()?, unpacked_bytes, damage });
        }
        Ok(files)
    }
}
