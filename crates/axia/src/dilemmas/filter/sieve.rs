//! The last filter: posts come in the order of the dumps, and each goes through once.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::worker::Examined;
use super::{BrokenLine, Counts, Reason};
use crate::dilemmas::dedupe::{Signature, near_duplicates};
use crate::files::{HashWriter, temporary_beside};

/// Broken lines that are told of; the others are counted.
const TOLD: usize = 100;

/// Bytes written at once.
const BUFFER: usize = 1 << 20;

/// Takes in what was examined and writes each post once.
///
/// A post costs about 160 bytes of memory; texts go to a temporary file.
pub(super) struct Sieve<'a> {
    inputs: &'a [PathBuf],
    ids: HashSet<u64>,
    texts: HashSet<u64>,
    signatures: Vec<Signature>,
    created_utc: Option<(i64, i64)>,
    spool: BufWriter<NamedTempFile>,
    pub(super) counts: Counts,
    pub(super) lines_of_file: Vec<u64>,
    pub(super) broken: Vec<BrokenLine>,
}

/// The file of candidates, written but for its name.
pub(super) struct Written {
    pub(super) file: NamedTempFile,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl<'a> Sieve<'a> {
    /// A sieve that writes beside `path`.
    pub(super) fn new(inputs: &'a [PathBuf], path: &Path) -> io::Result<Self> {
        Ok(Self {
            inputs,
            ids: HashSet::new(),
            texts: HashSet::new(),
            signatures: Vec::new(),
            created_utc: None,
            spool: BufWriter::with_capacity(BUFFER, temporary_beside(path)?),
            counts: Counts::default(),
            lines_of_file: vec![0; inputs.len()],
            broken: Vec::new(),
        })
    }

    /// When the oldest and the newest post were written, near-duplicates included.
    pub(super) fn created_utc(&self) -> (i64, i64) {
        self.created_utc.unwrap_or_default()
    }

    /// Takes in the next piece of the dumps.
    pub(super) fn take(&mut self, piece: &Examined) -> io::Result<()> {
        let lines = &mut self.lines_of_file[piece.file];
        let told = TOLD.saturating_sub(self.broken.len());
        self.broken.extend(piece.broken.iter().take(told).map(|broken| BrokenLine {
            file: self.inputs[piece.file].clone(),
            line: *lines + broken.line + 1,
            offset: broken.offset,
            problem: broken.problem.to_string(),
        }));
        *lines += piece.counts.lines;
        self.counts.add(&piece.counts);
        let mut rest = piece.json.as_slice();
        for post in &piece.passed {
            let (line, others) = rest.split_at(post.length);
            rest = others;
            if !self.ids.insert(post.id) {
                self.counts.drop_one(Reason::SameId);
            } else if !self.texts.insert(post.fingerprint.exact) {
                self.counts.drop_one(Reason::SameText);
            } else {
                self.spool.write_all(line)?;
                self.signatures.push(post.fingerprint.signature.clone());
                let time = post.created_utc;
                let (oldest, newest) = self.created_utc.unwrap_or((time, time));
                self.created_utc = Some((oldest.min(time), newest.max(time)));
            }
        }
        Ok(())
    }

    /// Drops near-duplicates and writes the posts that are left.
    pub(super) fn finish(&mut self, path: &Path, threshold: f64) -> io::Result<Written> {
        let marked = near_duplicates(&self.signatures, threshold);
        self.signatures = Vec::new();
        self.spool.flush()?;
        self.spool.get_mut().rewind()?;
        let mut spooled = BufReader::with_capacity(BUFFER, self.spool.get_mut().as_file_mut());
        let mut out = BufWriter::with_capacity(BUFFER, temporary_beside(path)?);
        let mut digest = HashWriter::default();
        let (mut line, mut bytes) = (Vec::new(), 0);
        for duplicate in marked {
            line.clear();
            spooled.read_until(b'\n', &mut line)?;
            if duplicate {
                self.counts.drop_one(Reason::NearDuplicate);
                continue;
            }
            out.write_all(&line)?;
            digest.write_all(&line)?;
            bytes += line.len() as u64;
            self.counts.candidates += 1;
        }
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        Ok(Written { file, bytes, sha256: digest.finish() })
    }
}
