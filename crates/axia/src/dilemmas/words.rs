//! Words of a text, as numbers.
//!
//! Which texts are like each other depends on these numbers, so they are no library's, which might
//! change: a word of up to eight bytes is its own number, longer ones are hashed.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Bytes that are looked at together.
const STRETCH: usize = 64;

/// The numbers of a text's words in order. Words are runs of letters and digits in lower case with
/// the apostrophes left out, so that `Don’t` is `don't` is `dont`.
///
/// Where words end cannot be foretold, and a processor that guesses wrong loses as much time as the
/// rest of the word takes. So the ends come from bit masks, and a word is one or two loads.
pub(super) fn word_hashes(text: &str) -> Vec<u64> {
    let mut words = Words { text, hashes: Vec::with_capacity(text.len() / 4 + 1) };
    let mut start = None;
    let mut inside = 0;
    for (index, stretch) in text.as_bytes().chunks(STRETCH).enumerate() {
        let mask = word_mask(stretch);
        let mut borders = mask ^ (mask << 1 | inside);
        inside = mask >> (STRETCH - 1);
        while borders != 0 {
            let at = index * STRETCH + borders.trailing_zeros() as usize;
            borders &= borders - 1;
            match start.take() {
                None => start = Some(at),
                Some(start) => words.add(start, at),
            }
        }
    }
    if let Some(start) = start {
        words.add(start, text.len());
    }
    words.hashes
}

/// A few words in a table in which each has a place to itself, so that one look decides.
pub(super) struct WordSet {
    factor: u64,
    table: [u64; PLACES],
}

/// Places in the table: so many more than words that a good factor is soon found.
const PLACES: usize = 1024;

impl WordSet {
    /// The set of at most a hundred different words.
    pub(super) fn new<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let words: BTreeSet<u64> = words.map(hash_word).collect();
        let mut set = Self { factor: 1, table: [0; PLACES] };
        while !set.fill(&words) {
            set = Self { factor: mix(set.factor) | 1, table: [0; PLACES] };
        }
        set
    }

    /// Puts all words into their places; whether no two have the same.
    fn fill(&mut self, words: &BTreeSet<u64>) -> bool {
        words.iter().all(|word| {
            let place = self.place(*word);
            std::mem::replace(&mut self.table[place], *word) == 0
        })
    }

    const fn place(&self, word: u64) -> usize {
        (word.wrapping_mul(self.factor) >> (u64::BITS - PLACES.ilog2())) as usize
    }

    /// Whether the word with this number is in the set.
    pub(super) const fn holds(&self, word: u64) -> bool {
        self.table[self.place(word)] == word
    }
}

/// The number of one word.
pub(super) fn hash_word(word: &str) -> u64 {
    word_hashes(word).first().copied().unwrap_or_default()
}

/// A bit for each byte that may belong to a word: letters, digits, apostrophes, and all that is not
/// ASCII. Without branches, so that it takes a few vector instructions.
fn word_mask(bytes: &[u8]) -> u64 {
    let mut flags = [0; STRETCH];
    for (flag, byte) in flags.iter_mut().zip(bytes) {
        *flag = u8::from(byte.is_ascii_alphanumeric() | (*byte == b'\'') | (*byte >= 0x80));
    }
    let (groups, _) = flags.as_chunks();
    // The product moves the lowest bits of eight bytes into its highest byte.
    let bits = |group| u64::from_le_bytes(group).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    groups.iter().rev().fold(0, |mask, group| mask << 8 | bits(*group))
}

/// Words being collected.
struct Words<'a> {
    text: &'a str,
    hashes: Vec<u64>,
}

impl Words<'_> {
    /// Adds the word, or the words, of a run of bytes that may belong to one.
    #[inline]
    fn add(&mut self, start: usize, end: usize) {
        match plain_word(&self.text.as_bytes()[start..], end - start) {
            Some(word) => self.hashes.push(word),
            None => self.add_slowly(start, end),
        }
    }

    /// The same, letter by letter.
    #[cold]
    fn add_slowly(&mut self, start: usize, end: usize) {
        let mut word = Vec::with_capacity(end - start);
        for c in self.text[start..end].chars() {
            if c.is_alphanumeric() {
                let mut buffer = [0; 4];
                let lower = c.to_lowercase();
                lower.for_each(|c| word.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()));
            } else if !matches!(c, '\'' | '’') {
                self.end(&mut word);
            }
        }
        self.end(&mut word);
    }

    fn end(&mut self, word: &mut Vec<u8>) {
        if !word.is_empty() {
            self.hashes.push(hash_bytes(word));
            word.clear();
        }
    }
}

/// The number of the word that the first `length` bytes are, if these are letters and digits of
/// ASCII and the text goes on far enough after them.
#[inline]
fn plain_word(text: &[u8], length: usize) -> Option<u64> {
    if length <= 8 {
        return plain_part(text, length);
    }
    let (whole, rest) = (length / 8 * 8, length % 8);
    let parts = text.get(..whole)?.as_chunks::<8>().0.iter();
    let mut hash = 0;
    for (index, part) in parts.enumerate() {
        let part = plain_part(part, 8)?;
        hash = if index == 0 { part } else { mix(hash) ^ part };
    }
    match rest {
        0 => Some(hash),
        _ => Some(mix(hash) ^ plain_part(&text[whole..], rest)?),
    }
}

/// The same for the first up to eight bytes.
#[inline]
fn plain_part(text: &[u8], length: usize) -> Option<u64> {
    let inside = u64::MAX >> (64 - 8 * length);
    let part = u64::from_le_bytes(*text.first_chunk()?) & inside;
    // This sets the bit that tells small letters from capitals; digits have it anyway.
    is_plain(part).then_some(part | ((ONES * 0x20) & inside))
}

/// The lowest bit of each of eight bytes.
const ONES: u64 = u64::MAX / 255;

/// Whether none of eight bytes, letters and digits of ASCII but for that, is an apostrophe or part
/// of a letter outside ASCII.
const fn is_plain(word: u64) -> bool {
    const TOPS: u64 = ONES << 7;
    // An apostrophe becomes zero, and the subtraction sets its highest bit.
    let others = word ^ (ONES * b'\'' as u64);
    ((others.wrapping_sub(ONES) & !others) | word) & TOPS == 0
}

/// The number of a word of any length.
fn hash_bytes(word: &[u8]) -> u64 {
    let number = |chunk: &[u8]| {
        let mut eight = [0; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(eight)
    };
    word.chunks(8).map(number).reduce(|hash, next| mix(hash) ^ next).unwrap_or_default()
}

/// Spreads the bits of a number: the finaliser of SplitMix64 (Steele et al., 2014).
pub(super) const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// A post that may become a dilemma: cleaned text and where it came from, never its author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The submission's id, without `t3_`.
    pub id: String,
    /// The subreddit, as the dump spells it.
    pub subreddit: String,
    /// The path of the post's page, `/r/…/comments/…`.
    pub permalink: String,
    /// Votes for less votes against, when the dump was made.
    pub score: i64,
    /// When it was posted, in seconds since 1970 (UTC).
    pub created_utc: i64,
    /// The cleaned title.
    pub title: String,
    /// The cleaned text: paragraphs parted by one empty line.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [`word_hashes`] letter by letter.
    fn slowly(text: &str) -> Vec<u64> {
        let text = text.to_lowercase().replace(['\'', '’'], "");
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(|word| hash_bytes(word.as_bytes())).collect()
    }

    proptest::proptest! {
        #[test]
        fn short_cuts_change_nothing(text in "([a-z]{1,20}|[A-Z0-9 ]{1,9}|['’é—ß. ]){0,40}") {
            proptest::prop_assert_eq!(word_hashes(&text), slowly(&text));
        }
    }

    #[test]
    fn sets_hold_their_words_alone() {
        let words: Vec<String> = (0..90).map(|i| format!("w{}", i * 7)).collect();
        let set = WordSet::new(words.iter().map(String::as_str));
        for i in 0..700 {
            assert_eq!(set.holds(hash_word(&format!("w{i}"))), i % 7 == 0 && i < 630, "{i}");
        }
    }

    #[test]
    fn words_by_hand() {
        let words = ["I", "dont", "cant", "go", "well", "known", "café", "24", "7"].map(hash_word);
        assert_eq!(word_hashes("I don't—can’t— 'go' , Well-known CAFÉ 24/7 ' ’ !"), words);
        assert!(word_hashes(" … ").is_empty());
        assert_ne!(hash_word("brotherhood"), hash_word("hoodbrother"));
        assert_eq!(hash_word("ab"), 98 << 8 | 97);
        // Wherever a word stands, and however long it is.
        let long = "pneumonoultramicroscopicsilicovolcanoconiosis";
        for word in ["a", "to", "brothers", "sisterhood", "café", long] {
            let text = format!("{}{word} {word} x {word}", "y ".repeat(60));
            let found = word_hashes(&text);
            let expected = hash_word(word);
            assert_eq!([found[60], found[61], found[63]], [expected; 3], "{word}");
        }
        // As many words as there can be.
        for (text, count) in [("", 0), ("a", 1), ("a b", 2), ("a b c", 3), ("é-è", 2), ("’a’", 1)]
        {
            assert_eq!(word_hashes(text).len(), count, "{text}");
        }
    }
}
