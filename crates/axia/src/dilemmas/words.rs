//! Words of a text, as numbers.

/// Hashes of a text's words in order: runs of letters and digits in lower case, apostrophes left
/// out, so that `Don’t` is `don't` is `dont`.
pub(super) fn word_hashes(text: &str) -> Vec<u64> {
    let mut hashes = Vec::with_capacity(text.len() / 4);
    let mut word = Hash::EMPTY;
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => word.add(byte),
            b'A'..=b'Z' => word.add(byte.to_ascii_lowercase()),
            b'\'' => {}
            ..0x80 => word.end(&mut hashes),
            _ => {
                let at = text.len() - rest.len() - 1;
                let c = text[at..].chars().next().unwrap_or_default();
                match c {
                    '’' => {}
                    _ if c.is_alphanumeric() => word.add_letter(c),
                    _ => word.end(&mut hashes),
                }
                rest = text.as_bytes()[at + c.len_utf8()..].iter();
            }
        }
    }
    word.end(&mut hashes);
    hashes
}

/// The hash of one word.
pub(super) fn hash_word(word: &str) -> u64 {
    word_hashes(word).first().copied().unwrap_or(Hash::EMPTY.0)
}

/// FNV-1a of a word's letters so far. Written out here because results must not change with the
/// version of a library.
#[derive(Clone, Copy, PartialEq)]
struct Hash(u64);

impl Hash {
    const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    const fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ byte as u64).wrapping_mul(0x0100_0000_01b3);
    }

    fn add_letter(&mut self, letter: char) {
        let mut buffer = [0; 4];
        for lower in letter.to_lowercase() {
            lower.encode_utf8(&mut buffer).bytes().for_each(|byte| self.add(byte));
        }
    }

    /// Ends the word, if one has begun.
    fn end(&mut self, hashes: &mut Vec<u64>) {
        if *self != Self::EMPTY {
            hashes.push(std::mem::replace(self, Self::EMPTY).0);
        }
    }
}

/// Spreads the bits of a number: the finaliser of SplitMix64 (Steele et al., 2014).
pub(super) const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_by_hand() {
        let words = ["I", "dont", "cant", "go", "well", "known", "café", "24", "7"].map(hash_word);
        assert_eq!(word_hashes("I don't—can’t— 'go' , Well-known CAFÉ 24/7 ' ’ !"), words);
        assert!(word_hashes(" … ").is_empty());
        assert_ne!(hash_word("ab"), hash_word("ba"));
        // The published test vector of FNV-1a.
        assert_eq!(hash_word("foobar"), 0x8594_4171_f739_67e8);
    }
}
