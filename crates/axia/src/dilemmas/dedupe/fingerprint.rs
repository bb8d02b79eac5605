//! What is kept of a post to tell whether another is the same.

use super::Signature;
use crate::dilemmas::words::mix;

/// Identity of a text's words, exact and approximate. Case, punctuation and white space do not
/// count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// Hash of all words in order.
    pub(crate) exact: u64,
    /// Sketch of its runs of words.
    pub(crate) signature: Signature,
}

impl Fingerprint {
    /// The fingerprint of a text whose words have these hashes.
    pub(crate) fn new(words: &[u64]) -> Self {
        let step = |hash: u64, word: &u64| {
            (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        };
        Self { exact: mix(words.iter().fold(0, step)), signature: Signature::new(words) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dilemmas::words::word_hashes;

    #[test]
    fn case_and_marks_do_not_count_but_order_does() {
        let exact = |text| Fingerprint::new(&word_hashes(text)).exact;
        assert_eq!(exact("I don't, CAFÉ!"), exact("i DON’T\n\ncafé"));
        assert_ne!(exact("a b c"), exact("a c b"));
        assert_ne!(exact("ab c"), exact("a bc"));
        assert_ne!(exact(""), exact("a"));
    }
}
