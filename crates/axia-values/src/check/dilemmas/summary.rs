//! What a set of dilemmas consists of.

use super::{balance, duplicates, leaks};
use crate::check::text::words;
use crate::check::{CheckProfile, Finding, Range, openings};
use crate::dilemma::{Dilemma, DilemmaSet, Stance};
use crate::taxonomy::RefinedValue;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Counts and averages of a set of dilemmas. Shown as a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DilemmaSummary {
    /// Dilemmas in all.
    pub dilemmas: usize,
    /// Different posts: a post that stands under several values counts once.
    pub posts: usize,
    /// How often each verdict is that of people high on the value.
    pub high_stances: BTreeMap<Stance, usize>,
    /// How often each verdict is that of people low on the value.
    pub low_stances: BTreeMap<Stance, usize>,
    /// Words in a post.
    pub words: Range,
    /// One row for each value that has dilemmas, in circular order.
    pub values: Vec<DilemmaValueSummary>,
}

/// Counts and averages of the dilemmas of one value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DilemmaValueSummary {
    /// The value.
    pub value: RefinedValue,
    /// Its dilemmas.
    pub dilemmas: usize,
    /// How often each verdict is that of people high on the value.
    pub high_stances: BTreeMap<Stance, usize>,
    /// How often each verdict is that of people low on the value.
    pub low_stances: BTreeMap<Stance, usize>,
    /// Words in a post.
    pub words: Range,
}

impl DilemmaSummary {
    pub(in crate::check) fn new(set: &DilemmaSet) -> Self {
        let all: Vec<&Dilemma> = set.dilemmas.iter().collect();
        let clusters: BTreeSet<String> = all.iter().map(|dilemma| dilemma.cluster()).collect();
        let values = set.values().into_iter().map(|value| {
            let own: Vec<&Dilemma> = set.of(value).collect();
            DilemmaValueSummary {
                value,
                dilemmas: own.len(),
                high_stances: stances(&own, |dilemma| dilemma.high_stance),
                low_stances: stances(&own, |dilemma| dilemma.low_stance),
                words: lengths(&own),
            }
        });
        Self {
            dilemmas: all.len(),
            posts: clusters.len(),
            high_stances: stances(&all, |dilemma| dilemma.high_stance),
            low_stances: stances(&all, |dilemma| dilemma.low_stance),
            words: lengths(&all),
            values: values.collect(),
        }
    }
}

/// The number of each verdict, zeros included.
fn stances(dilemmas: &[&Dilemma], of: impl Fn(&Dilemma) -> Stance) -> BTreeMap<Stance, usize> {
    let mut counts = BTreeMap::from(Stance::ALL.map(|stance| (stance, 0)));
    dilemmas.iter().for_each(|dilemma| *counts.entry(of(dilemma)).or_default() += 1);
    counts
}

fn lengths(dilemmas: &[&Dilemma]) -> Range {
    Range::of(dilemmas.iter().map(|dilemma| words(&dilemma.post).len() as f64))
}

/// `NTA/YTA/Neutral`.
fn slashed(counts: &BTreeMap<Stance, usize>) -> String {
    let counts = Stance::ALL.map(|stance| counts.get(&stance).copied().unwrap_or_default());
    counts.map(|count| count.to_string()).join("/")
}

impl fmt::Display for DilemmaSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.values.iter().map(|row| row.value.label().chars().count());
        let width = labels.max().unwrap_or_default().max("value".len());
        writeln!(f, "verdicts as NTA/YTA/Neutral\n")?;
        writeln!(f, "{:width$}  dilemmas  {:>13}  {:>13}  words", "value", "high", "low")?;
        for row in &self.values {
            writeln!(
                f,
                "{:width$}  {:>8}  {:>13}  {:>13}  {:>5.0}",
                row.value.label(),
                row.dilemmas,
                slashed(&row.high_stances),
                slashed(&row.low_stances),
                row.words.mean,
            )?;
        }
        writeln!(
            f,
            "{:width$}  {:>8}  {:>13}  {:>13}  {:>5.0}",
            "all",
            self.dilemmas,
            slashed(&self.high_stances),
            slashed(&self.low_stances),
            self.words.mean,
        )?;
        writeln!(
            f,
            "{} different posts of {:.0} to {:.0} words",
            self.posts, self.words.min, self.words.max
        )
    }
}

/// Everything there is to object to in a set, unsorted.
pub(in crate::check) fn check(set: &DilemmaSet, profile: CheckProfile) -> Vec<Finding> {
    let mut findings = Vec::new();
    balance::check(set, profile, &mut findings);
    leaks::check(set, profile, &mut findings);
    duplicates::check(set, &mut findings);
    let texts = set.dilemmas.iter().map(|dilemma| dilemma.post.as_str());
    openings::count("posts", texts, profile, &mut findings);
    findings
}
