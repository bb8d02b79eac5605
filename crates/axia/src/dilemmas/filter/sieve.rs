//! The last filter: posts come in the order of the dumps, and each goes through once.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;

use tempfile::NamedTempFile;

use super::reader::Examined;
use super::{BrokenLine, Counts, Reason};
use crate::dilemmas::dedupe::{Signature, near_duplicates};
use crate::dilemmas::words::mix;
use crate::files::{HashWriter, temporary_beside};

/// Broken lines that are told of; the others are counted.
const TOLD: usize = 100;

/// Bytes read and written at once.
const BUFFER: usize = 1 << 20;

/// Takes in what was examined and writes each post once.
///
/// A post costs about 170 bytes of memory; texts go to a temporary file at once.
pub(super) struct Sieve<'a> {
    inputs: &'a [PathBuf],
    ids: Numbers,
    texts: Numbers,
    signatures: Vec<Signature>,
    lines: Vec<Line>,
    out: BufWriter<NamedTempFile>,
    found: Found,
}

/// Numbers that are well mixed already, so that hashing them again would be a waste.
type Numbers = HashSet<u64, BuildHasherDefault<AsItIs>>;

/// A post's line in the temporary file.
struct Line {
    bytes: usize,
    created_utc: i64,
}

/// What went through the sieve, and what did not.
#[derive(Default)]
pub(super) struct Found {
    pub(super) counts: Counts,
    /// Lines of each dump.
    pub(super) lines_of_file: Vec<u64>,
    /// The first broken lines.
    pub(super) broken: Vec<BrokenLine>,
    /// When the oldest and the newest post were written.
    pub(super) created_utc: (i64, i64),
    /// Size of the candidates.
    pub(super) bytes: u64,
    /// SHA-256 of the candidates.
    pub(super) sha256: String,
}

impl<'a> Sieve<'a> {
    /// A sieve that writes beside `path`.
    pub(super) fn new(inputs: &'a [PathBuf], path: &Path) -> io::Result<Self> {
        Ok(Self {
            inputs,
            ids: Numbers::default(),
            texts: Numbers::default(),
            signatures: Vec::new(),
            lines: Vec::new(),
            out: BufWriter::with_capacity(BUFFER, temporary_beside(path)?),
            found: Found { lines_of_file: vec![0; inputs.len()], ..Found::default() },
        })
    }

    /// Takes in the next piece of the dumps.
    pub(super) fn take(&mut self, piece: &Examined) -> io::Result<()> {
        let found = &mut self.found;
        let before = &mut found.lines_of_file[piece.file];
        let told = TOLD.saturating_sub(found.broken.len());
        found.broken.extend(piece.broken.iter().take(told).map(|broken| BrokenLine {
            file: self.inputs[piece.file].clone(),
            line: *before + broken.line + 1,
            offset: broken.offset,
            problem: broken.problem.to_string(),
        }));
        *before += piece.counts.lines;
        found.counts.add(&piece.counts);
        let mut rest = piece.json.as_slice();
        for post in &piece.passed {
            let (line, others) = rest.split_at(post.length);
            rest = others;
            if !self.ids.insert(mix(post.id)) {
                found.counts.drop_one(Reason::SameId);
            } else if !self.texts.insert(post.fingerprint.exact) {
                found.counts.drop_one(Reason::SameText);
            } else {
                self.out.write_all(line)?;
                self.signatures.push(post.fingerprint.signature.clone());
                self.lines.push(Line { bytes: line.len(), created_utc: post.created_utc });
            }
        }
        Ok(())
    }

    /// Drops near-duplicates; gives the file of the posts that are left, which has no name yet.
    pub(super) fn finish(self, threshold: f64) -> io::Result<(NamedTempFile, Found)> {
        let Self { signatures, lines, out, mut found, .. } = self;
        let marked = near_duplicates(&signatures, threshold);
        for (line, duplicate) in lines.iter().zip(&marked) {
            if *duplicate {
                found.counts.drop_one(Reason::NearDuplicate);
                continue;
            }
            let (oldest, newest) = match found.counts.candidates {
                0 => (line.created_utc, line.created_utc),
                _ => found.created_utc,
            };
            found.created_utc = (oldest.min(line.created_utc), newest.max(line.created_utc));
            found.counts.candidates += 1;
        }
        let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        (found.bytes, found.sha256) = close_gaps(file.as_file_mut(), &lines, &marked)?;
        file.as_file().sync_all()?;
        Ok((file, found))
    }
}

/// Takes the marked lines out of a file, in place, for to write it again would take as long as half
/// of all the filters. Gives the size and the SHA-256 of what is left; another thread computes it
/// meanwhile.
fn close_gaps(file: &mut File, lines: &[Line], marked: &[bool]) -> io::Result<(u64, String)> {
    let (give, blocks) = sync_channel::<Vec<u8>>(2);
    thread::scope(|scope| {
        let hash = scope.spawn(move || {
            let mut digest = HashWriter::default();
            blocks.into_iter().try_for_each(|block| digest.write_all(&block))?;
            Ok(digest.finish())
        });
        let (mut from, mut to) = (0, 0);
        let mut rest = lines.iter().zip(marked).peekable();
        while rest.peek().is_some() {
            let mut taken = 0;
            let some: Vec<(usize, bool)> = std::iter::from_fn(|| {
                let (line, duplicate) = rest.next_if(|_| taken < BUFFER)?;
                taken += line.bytes;
                Some((line.bytes, *duplicate))
            })
            .collect();
            let mut block = Vec::with_capacity(taken);
            file.seek(SeekFrom::Start(from))?;
            Read::take(&mut *file, taken as u64).read_to_end(&mut block)?;
            keep_unmarked(&mut block, &some);
            if from != to || block.len() < taken {
                file.seek(SeekFrom::Start(to))?;
                file.write_all(&block)?;
            }
            from += taken as u64;
            to += block.len() as u64;
            // It goes on receiving until all is sent.
            let _ = give.send(block);
        }
        drop(give);
        file.set_len(to)?;
        let hash = hash.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        hash.map(|sha256| (to, sha256))
    })
}

/// Takes marked lines, given by their lengths, out of a block.
fn keep_unmarked(block: &mut Vec<u8>, lines: &[(usize, bool)]) {
    let (mut from, mut to) = (0, 0);
    for (bytes, duplicate) in lines {
        if !duplicate {
            if from != to {
                block.copy_within(from..from + bytes, to);
            }
            to += bytes;
        }
        from += bytes;
    }
    block.truncate(to);
}

/// Hashes a number to itself.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = mix(self.0 ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::sha256;

    #[test]
    fn gaps_are_closed_in_place() {
        // Lines of all lengths, over several blocks, of which every seventh goes.
        let texts: Vec<String> =
            (0..4000).map(|i| format!("{i}{}\n", "x".repeat(i * 13 % 2000))).collect();
        for marked in
            [|_: usize| false, |i: usize| i % 7 == 3, |i: usize| i > 3900, |_: usize| true]
        {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(texts.concat().as_bytes()).unwrap();
            let lines: Vec<Line> =
                texts.iter().map(|text| Line { bytes: text.len(), created_utc: 0 }).collect();
            let marks: Vec<bool> = (0..texts.len()).map(marked).collect();
            let (bytes, hash) = close_gaps(&mut file, &lines, &marks).unwrap();
            let expected: String =
                texts.iter().zip(&marks).filter(|(_, m)| !**m).map(|(t, _)| t.as_str()).collect();
            let mut found = String::new();
            file.rewind().unwrap();
            file.read_to_string(&mut found).unwrap();
            assert!(found == expected);
            assert_eq!((bytes, hash), (expected.len() as u64, sha256(expected.as_bytes())));
        }
    }
}
