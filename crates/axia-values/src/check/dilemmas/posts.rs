//! The text of single posts, and its annotation.

use super::leaks;
use crate::check::text::words;
use crate::check::{CheckProfile, Finding, Rule};
use crate::dilemma::{Dilemma, DilemmaSet};
use crate::taxonomy::is_invisible_command;

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
        for leak in leaks::of_verdict(&dilemma.post) {
            find(Rule::VerdictLeak, leak);
        }
        for leak in leaks::of_value(dilemma) {
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
