//! A file mapped into memory, and advice to the system about its pages.

use super::{GgufError, GgufHeader, Metadata, TensorInfo};
use crate::file_error::FileError;
use memmap2::Mmap;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A read-only memory map of a whole file.
///
/// The file must not be truncated while it is mapped: as with every memory map, reading a page that is
/// gone ends the process. Model files are replaced (renamed over), not edited, by every common tool.
#[derive(Debug)]
pub struct MappedFile {
    path: PathBuf,
    map: Mmap,
}

impl MappedFile {
    /// Maps the file at `path`.
    ///
    /// # Errors
    /// [`FileError`] if it cannot be opened or mapped.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let file = File::open(path).map_err(FileError::on("open", path))?;
        // SAFETY: the map is read-only and private to this process; see the type's note on truncation.
        let map = unsafe { Mmap::map(&file) }.map_err(FileError::on("map", path))?;
        Ok(Self { path: path.to_owned(), map })
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Tells the system that `range` (bytes) is about to be read, so that it may read ahead.
    pub fn will_need(&self, range: &Range<usize>) {
        #[cfg(unix)]
        if range.end <= self.map.len() {
            // Advice only: what cannot be advised is simply read when it is touched.
            let _ = self.map.advise_range(memmap2::Advice::WillNeed, range.start, range.len());
        }
        #[cfg(not(unix))]
        let _ = range;
    }

    /// Tells the system that `range` (bytes) will not be read again soon, so that its pages leave this
    /// process. They are read again from the file when they are touched.
    pub fn release(&self, range: &Range<usize>) {
        #[cfg(unix)]
        if range.end <= self.map.len() {
            // SAFETY: the map is file-backed and never written to, so dropped pages come back with the
            // same contents.
            let _ = unsafe {
                self.map.unchecked_advise_range(
                    memmap2::UncheckedAdvice::DontNeed,
                    range.start,
                    range.len(),
                )
            };
        }
        #[cfg(not(unix))]
        let _ = range;
    }
}

/// A GGUF file: its header parsed, its tensor data mapped and read only when used.
#[derive(Debug)]
pub struct GgufFile {
    map: Arc<MappedFile>,
    header: GgufHeader,
}

impl GgufFile {
    /// Maps the file and parses its header.
    ///
    /// # Errors
    /// [`GgufError::File`] if it cannot be opened, [`GgufError::Format`] if it is not a sound file.
    pub fn open(path: &Path) -> Result<Self, GgufError> {
        let map = Arc::new(MappedFile::open(path)?);
        let header = GgufHeader::parse(map.bytes(), path)?;
        Ok(Self { map, header })
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        self.map.path()
    }

    /// The mapped bytes.
    pub fn map(&self) -> &Arc<MappedFile> {
        &self.map
    }

    /// The metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.header.metadata
    }

    /// The tensors, in file order.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.header.tensors
    }

    /// The tensor with this name.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.header.tensors.iter().find(|info| info.name == name)
    }
}
