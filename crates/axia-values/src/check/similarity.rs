//! Finding similar texts among many.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::text::words;

/// Letters in a character n-gram.
const LETTERS: usize = 4;
/// Letters in a character n-gram of a long text: long enough that texts on different matters share
/// few.
const LONG_LETTERS: usize = 8;
/// One in so many n-grams of a long text is kept.
const KEPT: u64 = 4;

/// Words that say little of what a text is about.
const STOP_WORDS: &[&str] = &[
    "a", "about", "after", "an", "and", "are", "as", "at", "be", "before", "by", "can", "even",
    "for", "from", "good", "had", "has", "have", "her", "his", "i", "if", "in", "into", "is", "it",
    "me", "more", "my", "not", "of", "on", "one", "or", "out", "over", "people", "person",
    "should", "so", "someone", "than", "that", "the", "their", "them", "they", "to", "up", "we",
    "what", "when", "who", "with", "would", "you", "your",
];

/// The sets of consecutive letters of a text, spaces included.
pub(super) fn letter_grams(text: &str) -> BTreeSet<[char; LETTERS]> {
    let letters: Vec<char> = words(text).join(" ").chars().collect();
    letters.windows(LETTERS).filter_map(|window| window.try_into().ok()).collect()
}

/// A sketch of the 8-grams of letters of a long text: the hashes of about a quarter of them, always
/// the same quarter, so that the similarity of two sketches estimates that of the texts at a
/// quarter of the cost (Broder, 1997, *On the resemblance and containment of documents*).
pub(super) fn letter_sketch(text: &str) -> BTreeSet<u64> {
    let letters: Vec<char> = words(text).join(" ").chars().collect();
    let hash = |window: &[char]| {
        let mut hasher = DefaultHasher::new();
        window.hash(&mut hasher);
        hasher.finish()
    };
    letters.windows(LONG_LETTERS).map(hash).filter(|hash| hash % KEPT == 0).collect()
}

/// The content words of a text.
pub(super) fn content_words(text: &str) -> BTreeSet<String> {
    words(text).into_iter().filter(|word| !STOP_WORDS.contains(&word.as_str())).collect()
}

/// The pairs of sets whose Jaccard similarity, |A ∩ B| / |A ∪ B|, is above a threshold, as
/// (smaller index, larger index, similarity).
///
/// An inverted index counts the common members of each pair, so that pairs without any cost
/// nothing.
pub(super) fn similar_pairs<T: Hash + Eq + Ord>(
    sets: &[BTreeSet<T>],
    threshold: f64,
) -> Vec<(usize, usize, f64)> {
    let mut containing: HashMap<&T, Vec<usize>> = HashMap::new();
    let mut pairs = Vec::new();
    let mut common = vec![0usize; sets.len()];
    for (index, set) in sets.iter().enumerate() {
        common.fill(0);
        for member in set {
            let earlier = containing.entry(member).or_default();
            earlier.iter().for_each(|&other| common[other] += 1);
            earlier.push(index);
        }
        for (other, &shared) in common.iter().enumerate().take(index).filter(|(_, n)| **n > 0) {
            let union = set.len() + sets[other].len() - shared;
            let similarity = shared as f64 / union as f64;
            if similarity > threshold {
                pairs.push((other, index, similarity));
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn similarity_by_hand() {
        let sets = [vec![1, 2, 3], vec![2, 3, 4], vec![9]].map(BTreeSet::from_iter);
        assert_eq!(similar_pairs(&sets, 0.4), [(0, 1, 0.5)]);
        assert!(similar_pairs(&sets, 0.5).is_empty());
        assert_eq!(letter_grams("a-b cd").len(), 3);
        assert!(letter_grams("abc").is_empty());
        assert_eq!(content_words("When I am on the sea"), ["am", "sea"].map(String::from).into());
    }

    proptest! {
        #[test]
        fn the_index_finds_what_comparing_all_pairs_finds(
            sets in prop::collection::vec(prop::collection::btree_set(0..12u8, 0..8), 0..12),
        ) {
            let mut expected = Vec::new();
            for (j, b) in sets.iter().enumerate() {
                for (i, a) in sets.iter().enumerate().take(j) {
                    let similarity = a.intersection(b).count() as f64 / a.union(b).count() as f64;
                    if similarity > 0.3 {
                        expected.push((i, j, similarity));
                    }
                }
            }
            prop_assert_eq!(similar_pairs(&sets, 0.3), expected);
        }
    }
}
