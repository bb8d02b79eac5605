//! Texts that occur twice, or nearly so; templates that ask the same.

use super::text::words;
use super::wording::texts;
use super::{CheckProfile, Finding, Rule, Severity};
use crate::instrument::{Instrument, Split};
use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Similarity of letters (4-grams) above which two texts are nearly the same.
const LETTER_LIMIT: f64 = 0.40;
/// Similarity of content words above which two texts are nearly the same.
const WORD_LIMIT: f64 = 0.45;
/// Two texts with fewer content words between them are too short to compare by words.
const MIN_WORDS: usize = 4;

/// A statement or a contrast.
struct Text<'a> {
    item: &'a str,
    split: Split,
    name: &'static str,
    text: &'a str,
}

pub(super) fn check(instrument: &Instrument, profile: CheckProfile, findings: &mut Vec<Finding>) {
    let all: Vec<Text<'_>> = instrument
        .items
        .iter()
        .flat_map(|item| {
            texts(item).map(|(name, text)| Text { item: &item.id, split: item.split, name, text })
        })
        .collect();
    let mut exact: HashMap<Vec<String>, usize> = HashMap::new();
    let mut first_of = Vec::with_capacity(all.len());
    for (index, text) in all.iter().enumerate() {
        first_of.push(*exact.entry(words(text.text)).or_insert(index));
    }
    // The wording check reports a contrast that is its own statement.
    let twice = first_of.iter().enumerate().map(|(index, &first)| (&all[first], &all[index]));
    for (a, b) in twice.filter(|(a, b)| a.item != b.item) {
        findings.push(Finding {
            severity: if across(a, b) { Severity::Error } else { profile.severity() },
            rule: Rule::Duplicate,
            items: vec![a.item.to_owned(), b.item.to_owned()],
            message: format!(
                "the same text occurs as {} ({}): {}",
                roles(a, b),
                place(a, b),
                a.text
            ),
        });
    }
    for (i, j, how) in near(&all) {
        if first_of[i] == first_of[j] {
            continue;
        }
        let (a, b) = (&all[i], &all[j]);
        let mut items = vec![a.item.to_owned(), b.item.to_owned()];
        items.dedup();
        findings.push(Finding {
            severity: if across(a, b) { profile.severity() } else { Severity::Warning },
            rule: Rule::NearDuplicate,
            items,
            message: format!(
                "{} are nearly the same ({}, {how}): {} / {}",
                roles(a, b),
                place(a, b),
                a.text,
                b.text
            ),
        });
    }
}

/// Templates that are the same up to the rating: scored ratings cannot tell them apart, so that the
/// instrument has fewer wordings than it counts.
pub(super) fn same_questions(
    instrument: &Instrument,
    profile: CheckProfile,
    findings: &mut Vec<Finding>,
) {
    let mut first_with: HashMap<&str, usize> = HashMap::new();
    for (index, template) in instrument.templates.iter().enumerate() {
        let before = template.before().trim_end();
        let first = *first_with.entry(before).or_insert(index);
        if first != index {
            findings.push(Finding {
                severity: profile.severity(),
                rule: Rule::SameQuestion,
                items: Vec::new(),
                message: format!(
                    "templates {} and {} are the same up to the rating (`{before}`), so that \
                     scored ratings cannot differ between them",
                    first + 1,
                    index + 1
                ),
            });
        }
    }
}

/// Pairs of similar texts, once each, with what is similar.
fn near(all: &[Text<'_>]) -> Vec<(usize, usize, String)> {
    let letters: Vec<_> = all.iter().map(|text| letter_grams(text.text)).collect();
    let content: Vec<_> = all.iter().map(|text| content_words(text.text)).collect();
    let mut found: Vec<(usize, usize, String)> = similar_pairs(&letters, LETTER_LIMIT)
        .into_iter()
        .map(|(i, j, share)| (i, j, format!("{:.0} % of the letters", share * 100.0)))
        .collect();
    let by_letters: Vec<(usize, usize)> = found.iter().map(|&(i, j, _)| (i, j)).collect();
    for (i, j, share) in similar_pairs(&content, WORD_LIMIT) {
        let long_enough = content[i].union(&content[j]).count() >= MIN_WORDS;
        if long_enough && !by_letters.contains(&(i, j)) {
            found.push((i, j, format!("{:.0} % of the words", share * 100.0)));
        }
    }
    found
}

fn across(a: &Text<'_>, b: &Text<'_>) -> bool {
    a.split != b.split
}

fn roles(a: &Text<'_>, b: &Text<'_>) -> String {
    format!("{} and {}", a.name, b.name)
}

fn place(a: &Text<'_>, b: &Text<'_>) -> String {
    if a.item == b.item {
        "same item".to_owned()
    } else if across(a, b) {
        format!("across {} and {}", a.split, b.split)
    } else {
        format!("within {}", a.split)
    }
}

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
