//! Texts that occur twice, or nearly so; templates that ask the same.

use std::collections::HashMap;

use super::similarity::{content_words, letter_grams, similar_pairs};
use super::text::words;
use super::wording::texts;
use super::{CheckProfile, Finding, Rule, Severity};
use crate::instrument::{Instrument, Split};

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
