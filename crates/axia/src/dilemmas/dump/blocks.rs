//! Cutting a stream into blocks of whole lines.

use std::io::{self, Read};

use memchr::{memchr, memrchr};

/// Bytes after which a block ends at the next chance.
const BLOCK: usize = 1 << 20;
/// Bytes asked for at once.
const CHUNK: usize = 1 << 18;
/// The longest line that is looked at. Posts have at most 40,000 letters.
const MAX_LINE: usize = 64 << 20;

/// A stretch of a dump's unpacked bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Whole lines, with their line breaks; the last line of a dump may have none.
    Lines {
        /// Where the first line begins, in unpacked bytes from the beginning of the dump.
        offset: u64,
        /// The lines.
        bytes: Vec<u8>,
    },
    /// A line that is too long to be a post, passed over.
    TooLong {
        /// Where it begins.
        offset: u64,
    },
}

/// Reads a stream as blocks of whole lines, never holding more than the longest line and a block.
pub(crate) struct Blocks<R> {
    reader: R,
    /// Where `rest` begins.
    offset: u64,
    /// Read but not yet given out: the beginning of a line.
    rest: Vec<u8>,
    /// Why the stream ended before its end.
    error: Option<io::Error>,
    max_line: usize,
}

impl<R: Read> Blocks<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, offset: 0, rest: Vec::new(), error: None, max_line: MAX_LINE }
    }

    /// Unpacked bytes given out or passed over so far.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// The stream, and why it ended before its end if it did.
    pub(crate) fn into_parts(self) -> (R, Option<io::Error>) {
        (self.reader, self.error)
    }

    /// The next piece, for which the buffer is taken; `None`, and the buffer left, at the end. What
    /// was read before the stream broke off is given out as well.
    pub(crate) fn next(&mut self, bytes: &mut Vec<u8>) -> Option<Piece> {
        bytes.clear();
        bytes.append(&mut self.rest);
        let mut searched = 0;
        loop {
            if self.fill(bytes) == 0 {
                return (!bytes.is_empty()).then(|| self.give(bytes));
            }
            if bytes.len() < BLOCK {
                continue;
            }
            if let Some(end) = memrchr(b'\n', &bytes[searched..]) {
                let end = searched + end + 1;
                self.rest.extend_from_slice(&bytes[end..]);
                bytes.truncate(end);
                return Some(self.give(bytes));
            }
            searched = bytes.len();
            if bytes.len() > self.max_line {
                return Some(self.pass_over(bytes));
            }
        }
    }

    fn give(&mut self, bytes: &mut Vec<u8>) -> Piece {
        let bytes = std::mem::take(bytes);
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        Piece::Lines { offset, bytes }
    }

    /// Appends a chunk and gives its length: 0 at the end.
    fn fill(&mut self, bytes: &mut Vec<u8>) -> usize {
        let before = bytes.len();
        if self.error.is_none() {
            self.error = self.reader.by_ref().take(CHUNK as u64).read_to_end(bytes).err();
        }
        bytes.len() - before
    }

    /// Passes over a line of which `bytes` is the beginning.
    fn pass_over(&mut self, bytes: &mut Vec<u8>) -> Piece {
        let mut bytes = std::mem::take(bytes);
        let offset = self.offset;
        loop {
            self.offset += bytes.len() as u64;
            bytes.clear();
            if self.fill(&mut bytes) == 0 {
                break;
            }
            if let Some(end) = memchr(b'\n', &bytes) {
                self.offset += end as u64 + 1;
                self.rest.extend_from_slice(&bytes[end + 1..]);
                break;
            }
        }
        Piece::TooLong { offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(blocks: &mut Blocks<impl Read>) -> Vec<Piece> {
        std::iter::from_fn(|| blocks.next(&mut Vec::new())).collect()
    }

    /// Breaks off after its bytes.
    struct Torn<'a>(&'a [u8]);

    impl Read for Torn<'_> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            match self.0.read(bytes)? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                count => Ok(count),
            }
        }
    }

    #[test]
    fn what_was_read_before_an_error_is_given_out() {
        let mut blocks = Blocks::new(Torn(b"one\ntwo\nthr"));
        let found = pieces(&mut blocks);
        assert_eq!(found, [Piece::Lines { offset: 0, bytes: b"one\ntwo\nthr".to_vec() }]);
        assert!(blocks.into_parts().1.is_some());
        assert!(Blocks::new(&b""[..]).next(&mut vec![1]).is_none());
    }

    #[test]
    fn lines_that_are_too_long_are_passed_over() {
        let long = vec![b'x'; 3 * BLOCK];
        let text = [b"a\n", &long[..], b"\nb\n"].concat();
        let mut blocks = Blocks { max_line: 2 * BLOCK, ..Blocks::new(&text[..]) };
        let found = pieces(&mut blocks);
        let [Piece::Lines { offset: 0, bytes: a }, Piece::TooLong { offset: 2 }, last] = &found[..]
        else {
            panic!("{:?}", found.len());
        };
        assert_eq!(a, b"a\n");
        assert_eq!(*last, Piece::Lines { offset: 3 + 3 * BLOCK as u64, bytes: b"b\n".to_vec() });
        // One without an end is passed over as well.
        let mut blocks = Blocks { max_line: 2 * BLOCK, ..Blocks::new(&long[..]) };
        assert_eq!(pieces(&mut blocks), [Piece::TooLong { offset: 0 }]);
        assert_eq!(blocks.offset(), long.len() as u64);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn blocks_are_whole_lines_and_lose_nothing(
            lengths in prop::collection::vec(0..400_000usize, 0..12),
            ends in any::<bool>(),
        ) {
            let mut text: Vec<u8> = Vec::new();
            for length in lengths {
                text.extend(std::iter::repeat_n(b'x', length));
                text.push(b'\n');
            }
            if !ends {
                text.pop();
            }
            let mut joined: Vec<u8> = Vec::new();
            for piece in pieces(&mut Blocks::new(&text[..])) {
                let Piece::Lines { offset, bytes } = piece else { panic!() };
                prop_assert_eq!(offset, joined.len() as u64);
                joined.extend(bytes);
                prop_assert!(joined.len() == text.len() || joined.ends_with(b"\n"));
            }
            prop_assert!(joined == text);
        }
    }
}
