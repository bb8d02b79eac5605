//! What a post gives away: the verdict of its readers, the value it was chosen for.

use crate::check::text::{stems_in, words};
use crate::check::{CheckProfile, Finding, Rule};
use crate::dilemma::{Dilemma, DilemmaSet};
use crate::taxonomy::{RefinedValue, is_invisible_command};

/// Verdicts of the forum that are no words, in any case.
const VERDICTS: &[&str] = &["nta", "yta", "ywbta", "ywnbta"];
/// Verdicts that are words or names unless they are in capitals.
const VERDICTS_IN_CAPITALS: &[&str] = &["ESH", "NAH"];
/// Verdicts in full.
const VERDICT_PHRASES: &[&str] = &[
    "not the asshole",
    "you're the asshole",
    "you are the asshole",
    "everyone sucks here",
    "no assholes here",
];
/// What authors add when readers have answered.
const EDITS: &[&str] = &["edit", "edited", "update", "updated"];
/// Ways of writing "too long; didn't read".
const SUMMARIES: &[&str] = &["tl;dr", "tl:dr", "tl,dr", "tl; dr", "tldr", "tl/dr"];
const LINKS: &[&str] = &["http://", "https://", "www."];
/// Letters of the shortest name of a user or a forum.
const SHORTEST_NAME: usize = 3;
/// The value face has an everyday word for its name; these are what gives it away.
const FACE: &[&str] = &[
    "lose face",
    "loses face",
    "losing face",
    "lost face",
    "loss of face",
    "save face",
    "saves face",
    "saving face",
    "saved face",
    "face-saving",
];
const FACE_STEMS: &[&str] = &["reputation"];

/// What in a post gives readers' verdicts away, or was written after they came.
pub(super) fn of_verdict(post: &str) -> Vec<String> {
    let mut found = Vec::new();
    let tokens: Vec<&str> =
        post.split(|c: char| !c.is_alphanumeric()).filter(|token| !token.is_empty()).collect();
    let verdict = tokens.iter().find(|token| {
        let any_case = |verdict: &&str| verdict.eq_ignore_ascii_case(token);
        VERDICTS.iter().any(any_case) || VERDICTS_IN_CAPITALS.contains(token)
    });
    let spoken = spoken(post);
    let phrase = VERDICT_PHRASES.iter().find(|phrase| spoken.contains(**phrase));
    if let Some(verdict) = verdict.or(phrase) {
        found.push(format!("the post tells a verdict: `{verdict}`"));
    }
    if let Some(edit) = edit(post) {
        found.push(format!("the post has an addition: `{edit}`"));
    }
    let lower = post.to_lowercase();
    let marks = [(SUMMARIES, "a summary"), (LINKS, "a link")];
    for (marks, what) in marks {
        if let Some(mark) = marks.iter().find(|mark| lower.contains(**mark)) {
            found.push(format!("the post has {what}: `{mark}`"));
        }
    }
    if let Some(name) = mention(post) {
        found.push(format!("the post names a user or a forum: `{name}`"));
    }
    found
}

/// Words of a post that name its own value.
pub(super) fn of_value(dilemma: &Dilemma) -> Vec<String> {
    let is_face = dilemma.value == RefinedValue::Face;
    let stems = if is_face { FACE_STEMS } else { dilemma.value.leak_stems() };
    let named = stems_in(&dilemma.post, stems);
    let mut found: Vec<String> = named
        .into_iter()
        .map(|(word, stem)| format!("the post names its value: `{word}` ({stem}…)"))
        .collect();
    if is_face {
        let spoken = spoken(&dilemma.post);
        let idioms = FACE.iter().filter(|idiom| spoken.contains(**idiom));
        found.extend(idioms.map(|idiom| format!("the post names its value: `{idiom}`")));
    }
    found
}

/// The words of a text with single spaces.
fn spoken(text: &str) -> String {
    words(text).join(" ")
}

/// `EDIT` or `UPDATE` in capitals, or in any case before a colon.
fn edit(post: &str) -> Option<&str> {
    let is_letter = |c: char| c.is_alphanumeric();
    let mut rest = post;
    while let Some(start) = rest.find(is_letter) {
        let from = rest.get(start..)?;
        let end = from.find(|c: char| !is_letter(c)).unwrap_or(from.len());
        let (word, after) = from.split_at_checked(end)?;
        let known = EDITS.iter().any(|edit| edit.eq_ignore_ascii_case(word));
        let in_capitals = word.chars().all(char::is_uppercase);
        let after_number = after.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit());
        if known && (in_capitals || after_number.starts_with(':')) {
            return Some(word);
        }
        rest = after;
    }
    None
}

/// `u/name` or `r/name`, at the start of a word or after a slash that starts one.
fn mention(post: &str) -> Option<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    post.split(|c: char| !is_name(c) && c != '/').find(|word| {
        let bare = word.strip_prefix('/').unwrap_or(word);
        let name = bare.strip_prefix("u/").or_else(|| bare.strip_prefix("r/"));
        name.is_some_and(|name| name.len() >= SHORTEST_NAME && name.chars().all(is_name))
    })
}

/// Words that a post may have.
const LENGTH: std::ops::RangeInclusive<usize> = 120..=350;
/// Marks that may stand after a question mark.
const CLOSING: [char; 7] = ['"', '\'', ')', ']', '*', '\u{201d}', '\u{2019}'];

pub(super) fn check(set: &DilemmaSet, profile: CheckProfile, findings: &mut Vec<Finding>) {
    for dilemma in &set.dilemmas {
        let mut find = |rule, message| {
            let items = vec![dilemma.id.clone()];
            findings.push(Finding { severity: profile.severity(), rule, items, message });
        };
        let count = words(&dilemma.post).len();
        if !LENGTH.contains(&count) {
            let (least, most) = (LENGTH.start(), LENGTH.end());
            find(Rule::Length, format!("the post has {count} words, expected {least} to {most}"));
        }
        if !ends_with_question(&dilemma.post) {
            find(Rule::Question, "the post does not end with a question".to_owned());
        }
        for leak in of_verdict(&dilemma.post) {
            find(Rule::VerdictLeak, leak);
        }
        for leak in of_value(dilemma) {
            find(Rule::Leak, leak);
        }
        if let Some(odd) = dilemma.post.chars().find(|&c| is_odd(c)) {
            let message =
                format!("the post holds U+{:04X}, which is not shown as it is", u32::from(odd));
            find(Rule::Characters, message);
        }
        let empty = empty_reasons(dilemma);
        if !empty.is_empty() {
            find(Rule::Justification, format!("no reason is given for {}", empty.join(", ")));
        }
    }
}

fn ends_with_question(post: &str) -> bool {
    post.trim_end().trim_end_matches(CLOSING).ends_with('?')
}

/// Control codes, marks of writing direction, and what stands for a character that was lost.
fn is_odd(c: char) -> bool {
    (is_invisible_command(c) && c != '\n' && c != '\t') || c == char::REPLACEMENT_CHARACTER
}

fn empty_reasons(dilemma: &Dilemma) -> Vec<&'static str> {
    let reasons = &dilemma.justification;
    let all = [
        ("the value", &reasons.value),
        ("the high stance", &reasons.high_stance),
        ("the low stance", &reasons.low_stance),
    ];
    all.into_iter().filter(|(_, text)| text.trim().is_empty()).map(|(name, _)| name).collect()
}
