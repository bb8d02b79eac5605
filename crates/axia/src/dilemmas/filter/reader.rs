//! The thread that reads: it unpacks the dumps and hands out blocks of lines.

use super::Counts;
use super::screen::Screen;
use crate::dilemmas::BuildError;
use crate::dilemmas::dedupe::Fingerprint;
use crate::dilemmas::dump::{Archive, Blocks, Packing, Piece, Problem};
use axia_engine::error::FileError;
use memchr::memchr_iter;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};

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

/// What a piece of a dump holds.
pub(super) struct Examined {
    pub(super) sequence: u64,
    pub(super) file: usize,
    pub(super) counts: Counts,
    pub(super) broken: Vec<Broken>,
    /// Posts that passed, as lines of `json`.
    pub(super) passed: Vec<PassedLine>,
    pub(super) json: Vec<u8>,
    /// The piece's buffer, for the next one.
    pub(super) buffer: Vec<u8>,
}

/// A broken line.
pub(super) struct Broken {
    /// Lines before it in the piece.
    pub(super) line: u64,
    /// Where it begins in the dump.
    pub(super) offset: u64,
    pub(super) problem: Problem,
}

/// A candidate as one line of JSON.
pub(super) struct PassedLine {
    /// Bytes of the line, its line break included.
    pub(super) length: usize,
    /// The id as a number.
    pub(super) id: u64,
    pub(super) created_utc: i64,
    pub(super) fingerprint: Fingerprint,
}

/// Examines a piece.
pub(super) fn examine(work: Work, screen: &Screen<'_>) -> Examined {
    let Work { sequence, file, piece } = work;
    let mut found = Examined {
        sequence,
        file,
        counts: Counts::default(),
        broken: Vec::new(),
        passed: Vec::new(),
        json: Vec::new(),
        buffer: Vec::new(),
    };
    match piece {
        Piece::TooLong { offset } => {
            found.counts.lines = 1;
            found.broken(offset, Problem::new("the line is longer than 64 MiB; expected a post"));
        }
        Piece::Lines { offset, bytes } => {
            found.json.reserve(bytes.len());
            let ends = memchr_iter(b'\n', &bytes).map(|end| end + 1);
            let open_end = (!bytes.ends_with(b"\n")).then_some(bytes.len());
            let mut start = 0;
            for end in ends.chain(open_end) {
                found.line(&bytes[start..end], offset + start as u64, screen);
                start = end;
            }
            found.buffer = bytes;
        }
    }
    found
}

impl Examined {
    fn line(&mut self, line: &[u8], offset: u64, screen: &Screen<'_>) {
        self.counts.lines += 1;
        let first = if offset == 0 { line.strip_prefix(b"\xef\xbb\xbf") } else { None };
        let line = first.unwrap_or(line).trim_ascii();
        if line.is_empty() {
            self.counts.blank += 1;
            return;
        }
        match screen.line(line) {
            Err(problem) => self.broken(offset, problem),
            Ok(Err(reason)) => self.counts.drop_one(reason),
            Ok(Ok(post)) => {
                let before = self.json.len();
                // Writing a candidate to memory cannot fail; if it could, the post would be broken.
                if let Err(error) = serde_json::to_writer(&mut self.json, &post.candidate) {
                    self.json.truncate(before);
                    return self.broken(offset, Problem::new(error.to_string()));
                }
                self.json.push(b'\n');
                let length = self.json.len() - before;
                let id = number_of(&post.candidate.id);
                let (created_utc, fingerprint) = (post.candidate.created_utc, post.fingerprint);
                self.passed.push(PassedLine { length, id, created_utc, fingerprint });
            }
        }
    }

    fn broken(&mut self, offset: u64, problem: Problem) {
        self.counts.broken += 1;
        self.broken.push(Broken { line: self.counts.lines - 1, offset, problem });
    }
}

/// An id, which is a number in base 36 of at most twelve digits.
fn number_of(id: &str) -> u64 {
    id.chars()
        .fold(0, |number, digit| number * 36 + u64::from(digit.to_digit(36).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dilemmas::filter::{FilterSettings, Reason};

    fn examined(text: &str, offset: u64) -> Examined {
        let piece = Piece::Lines { offset, bytes: text.as_bytes().to_vec() };
        let settings = FilterSettings { min_words: 1, ..FilterSettings::default() };
        examine(Work { sequence: 3, file: 1, piece }, &Screen::new(&settings).unwrap())
    }

    #[test]
    fn every_line_is_counted_and_broken_ones_are_placed() {
        let good = r#"{"id":"a1","subreddit":"AmItheAsshole","score":1,"created_utc":7,
            "title":"AITA","selftext":"I told him that it is not his, and he left."}"#
            .replace('\n', " ");
        let text = format!("\u{feff}{good}\n\n{{\"subreddit\":\n \n{{}}\r\n[\n{good}");
        let found = examined(&text, 0);
        let counts = &found.counts;
        assert_eq!((counts.lines, counts.blank, counts.broken), (7, 2, 2));
        assert_eq!(counts.dropped, [(Reason::OtherSubreddit, 1)].into());
        assert_eq!(found.passed.len(), 2);
        assert_eq!(found.passed[0].id, 10 * 36 + 1);
        assert_eq!(found.passed[0].length * 2, found.json.len());
        let places: Vec<(u64, usize)> =
            found.broken.iter().map(|b| (b.line, b.offset as usize)).collect();
        let broken = [text.find("{\"subreddit\":\n").unwrap(), text.find("[\n").unwrap()];
        assert_eq!(places, [(2, broken[0]), (5, broken[1])]);
        // Elsewhere than at the beginning of a dump the mark is no mark.
        assert_eq!(examined(&format!("\u{feff}{good}"), 100).broken[0].offset, 100);
    }

    #[test]
    fn ids_are_numbers() {
        assert_eq!(number_of("zzzzzzzzzzzz"), 36u64.pow(12) - 1);
        assert_ne!(number_of("a1"), number_of("1a"));
    }
}
