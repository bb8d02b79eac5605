//! The data card: what went in, what became of it, what came out.

use std::collections::BTreeMap;

use axia_values::dilemma::{Dilemma, Provenance, Stance, Submission};
use axia_values::taxonomy::{BasicValue, RefinedValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dilemmas::FilterSummary;
use crate::dilemmas::annotate::{Annotation, SetAside};

/// Version of the card's format.
pub(super) const FORMAT_VERSION: u32 = 1;

/// Everything there is to know about a build; `card.json`, and for people `card.md`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Version of this file's format.
    pub format_version: u32,
    /// Version of the program.
    pub axia_version: String,
    /// The filter stage.
    pub filter: FilterSummary,
    /// The annotation.
    pub annotation: AnnotationCard,
    /// The data set; `None` without a usable annotation.
    pub dilemmas: Option<SetCard>,
}

/// What the annotator made of the candidates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnnotationCard {
    /// Who was asked, and how.
    pub settings: Value,
    /// Candidates with an annotation.
    pub annotated: u64,
    /// Candidates without a usable one, by reason.
    pub set_aside: BTreeMap<String, u64>,
    /// Candidates that were not asked about.
    pub not_asked: u64,
    /// Mean over the annotated posts of the share of votes that agree with the majority.
    pub mean_agreement: Option<f64>,
    /// Annotated posts whose votes all agree.
    pub unanimous: u64,
    /// Annotated posts left out of the data set, because the annotator answered otherwise when
    /// the labels were listed in another order.
    pub inconsistent: u64,
    /// SHA-256 of the annotations, sorted by id.
    pub sha256: String,
}

/// The data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetCard {
    /// Most dilemmas of a basic value.
    pub cap: usize,
    /// Seed of the draw where there were more.
    pub seed: u64,
    /// Usable annotations, from which the set was drawn.
    pub annotated: u64,
    /// Dilemmas in the set.
    pub dilemmas: u64,
    /// The draw, by basic value in circular order.
    pub basic: Vec<BasicRow>,
    /// The set, by refined value in circular order.
    pub values: Vec<ValueRow>,
    /// Hash of all that judgements of the set can depend on.
    pub content_hash: String,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// What was drawn of a basic value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BasicRow {
    /// The value's slug.
    pub value: String,
    /// Its usable annotations.
    pub annotated: u64,
    /// Its dilemmas in the set.
    pub dilemmas: u64,
}

/// Label balance of a refined value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueRow {
    /// The value's slug.
    pub value: String,
    /// Its dilemmas.
    pub dilemmas: u64,
    /// Dilemmas by the verdict of people high on it: NTA, YTA, Neutral.
    pub high: [u64; 3],
    /// Dilemmas by the verdict of people low on it: NTA, YTA, Neutral.
    pub low: [u64; 3],
}

impl AnnotationCard {
    pub(super) fn new(
        settings: Value,
        candidates: u64,
        annotations: &[Annotation],
        set_aside: &[SetAside],
        sha256: String,
    ) -> Self {
        let mut reasons = BTreeMap::new();
        for row in set_aside {
            *reasons.entry(kind_of(&row.reason)).or_default() += 1;
        }
        let agreements: Vec<f64> = annotations.iter().filter_map(agreement).collect();
        let mean = agreements.iter().sum::<f64>() / agreements.len() as f64;
        Self {
            settings,
            annotated: annotations.len() as u64,
            set_aside: reasons,
            not_asked: candidates.saturating_sub((annotations.len() + set_aside.len()) as u64),
            mean_agreement: (!agreements.is_empty()).then_some(mean),
            unanimous: agreements.iter().filter(|share| **share == 1.0).count() as u64,
            inconsistent: annotations.iter().filter(|row| !is_consistent(row)).count() as u64,
            sha256,
        }
    }
}

/// A reason without the particulars of its post, so that like ones are counted together.
fn kind_of(reason: &str) -> String {
    let general = reason.split([':', '`', '(']).next().unwrap_or_default().trim();
    let mut kind = String::new();
    for c in general.chars() {
        match c.is_ascii_digit() {
            false => kind.push(c),
            true if kind.ends_with('N') => {}
            true => kind.push('N'),
        }
    }
    kind
}

fn agreement(row: &Annotation) -> Option<f64> {
    submission(&row.dilemma).map(|submission| submission.agreement)
}

/// Whether the annotator said the same when the labels were listed in another order, as far as it
/// was asked.
pub(super) fn is_consistent(row: &Annotation) -> bool {
    submission(&row.dilemma).is_none_or(|submission| submission.consistent != Some(false))
}

fn submission(dilemma: &Dilemma) -> Option<&Submission> {
    match &dilemma.provenance {
        Provenance::Submission(submission) => Some(submission),
        _ => None,
    }
}

/// How many dilemmas of each basic value there are in `all`, and in the `set` drawn from it.
pub(super) fn by_basic_value(all: &[Dilemma], set: &[Dilemma]) -> Vec<BasicRow> {
    let count = |dilemmas: &[Dilemma], basic| {
        dilemmas.iter().filter(|dilemma| dilemma.value.basic() == basic).count() as u64
    };
    let row = |basic: BasicValue| BasicRow {
        value: basic.slug().to_owned(),
        annotated: count(all, basic),
        dilemmas: count(set, basic),
    };
    BasicValue::ALL.map(row).to_vec()
}

/// The label balance of every refined value.
pub(super) fn by_refined_value(dilemmas: &[Dilemma]) -> Vec<ValueRow> {
    let row = |value: RefinedValue| {
        let own: Vec<&Dilemma> = dilemmas.iter().filter(|d| d.value == value).collect();
        let count = |stance_of: fn(&Dilemma) -> Stance| {
            Stance::ALL.map(|s| own.iter().filter(|d| stance_of(d) == s).count() as u64)
        };
        ValueRow {
            value: value.slug().to_owned(),
            dilemmas: own.len() as u64,
            high: count(|dilemma| dilemma.high_stance),
            low: count(|dilemma| dilemma.low_stance),
        }
    };
    RefinedValue::ALL.map(row).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_without_their_particulars() {
        for (reason, kind) in [
            (
                "the post has 20011 characters, but 20000 are the most",
                "the post has N characters, but N are the most",
            ),
            ("the votes on the stances tie (value face)", "the votes on the stances tie"),
            ("value: unknown value `powr`", "value"),
            ("high_stance and low_stance are both NTA", "high_stance and low_stance are both NTA"),
        ] {
            assert_eq!(kind_of(reason), kind);
        }
    }
}
