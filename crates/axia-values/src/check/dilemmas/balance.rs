//! Counts: posts of each value, verdicts.

use crate::check::{CheckProfile, Finding, Rule, Severity};
use crate::dilemma::{DilemmaSet, Stance};
use crate::stats::{MIN_EXAMPLES, underpowered};
use crate::taxonomy::RefinedValue;

/// Posts of each value that the full design has at least.
const POSTS_PER_VALUE: usize = 10;
/// Share of posts in which NTA, and in which YTA, is the verdict of people high on the value.
const HIGH_SHARE: f64 = 0.35;
/// Share of posts in which Neutral is one of the two verdicts.
const NEUTRAL_SHARE: f64 = 0.15;
/// Fewer posts than this are unbalanced by chance.
const MIN_POSTS: usize = 10;

pub(super) fn check(set: &DilemmaSet, profile: CheckProfile, findings: &mut Vec<Finding>) {
    if profile == CheckProfile::Full {
        value_counts(set, findings);
    }
    small_values(set, findings);
    equal_stances(set, findings);
    if set.dilemmas.len() >= MIN_POSTS {
        stance_shares(set, profile, findings);
    }
}

fn about_the_set(severity: Severity, rule: Rule, message: String) -> Finding {
    Finding { severity, rule, items: Vec::new(), message }
}

fn value_counts(set: &DilemmaSet, findings: &mut Vec<Finding>) {
    for value in RefinedValue::ALL {
        let posts = set.of(value).count();
        if posts < POSTS_PER_VALUE {
            let message =
                format!("`{value}` has {posts} posts, expected at least {POSTS_PER_VALUE}");
            findings.push(about_the_set(Severity::Error, Rule::ValueCounts, message));
        }
    }
}

/// One finding for all values that are too small for a claim of their own.
fn small_values(set: &DilemmaSet, findings: &mut Vec<Finding>) {
    let counts = set.values().into_iter().map(|value| (value, set.of(value).count()));
    let small: Vec<String> = counts
        .filter(|(_, posts)| underpowered(*posts))
        .map(|(value, posts)| format!("{value} ({posts})"))
        .collect();
    if !small.is_empty() {
        let message = format!(
            "values with fewer than {MIN_EXAMPLES} posts, too few for a claim on them alone: {}",
            small.join(", ")
        );
        findings.push(about_the_set(Severity::Warning, Rule::Underpowered, message));
    }
}

fn equal_stances(set: &DilemmaSet, findings: &mut Vec<Finding>) {
    for dilemma in set.dilemmas.iter().filter(|row| row.high_stance == row.low_stance) {
        findings.push(Finding {
            severity: Severity::Error,
            rule: Rule::EqualStances,
            items: vec![dilemma.id.clone()],
            message: format!("people high and low on the value both say {}", dilemma.high_stance),
        });
    }
}

fn stance_shares(set: &DilemmaSet, profile: CheckProfile, findings: &mut Vec<Finding>) {
    let all = set.dilemmas.len();
    let mut expect = |count: usize, share: f64, what: String| {
        if (count as f64) < share * all as f64 {
            let message = format!(
                "{what} in {count} of {all} posts, expected at least {:.0} %",
                share * 100.0
            );
            findings.push(about_the_set(profile.severity(), Rule::StanceBalance, message));
        }
    };
    for stance in [Stance::Nta, Stance::Yta] {
        let count = set.dilemmas.iter().filter(|row| row.high_stance == stance).count();
        expect(count, HIGH_SHARE, format!("{stance} is the verdict of people high on the value"));
    }
    let neutral = |row: &&crate::dilemma::Dilemma| {
        [row.high_stance, row.low_stance].contains(&Stance::Neutral)
    };
    let count = set.dilemmas.iter().filter(neutral).count();
    expect(count, NEUTRAL_SHARE, "Neutral is one of the two verdicts".to_owned());
}
