//! How texts begin.

use std::collections::BTreeMap;

use super::text::words;
use super::{CheckProfile, Finding, Rule};
use crate::instrument::Instrument;

/// Share of statements (or of contrasts) that may begin with the same two words.
const LIMIT: f64 = 0.15;
/// Fewer items than this begin alike by chance.
const MIN_ITEMS: usize = 10;

pub(super) fn check(instrument: &Instrument, profile: CheckProfile, findings: &mut Vec<Finding>) {
    let statements = instrument.items.iter().map(|item| item.statement.as_str());
    count("statements", statements, profile, findings);
    let contrasts = instrument.items.iter().filter_map(|item| item.contrast.as_deref());
    count("contrasts", contrasts, profile, findings);
}

/// Reports openings that too many texts share.
pub(super) fn count<'a>(
    name: &str,
    texts: impl Iterator<Item = &'a str>,
    profile: CheckProfile,
    findings: &mut Vec<Finding>,
) {
    let mut openings: BTreeMap<String, usize> = BTreeMap::new();
    let mut all = 0;
    for text in texts {
        let opening: Vec<String> = words(text).into_iter().take(2).collect();
        *openings.entry(opening.join(" ")).or_default() += 1;
        all += 1;
    }
    let limit = LIMIT * all as f64;
    let frequent = openings.into_iter().filter(|&(_, times)| times as f64 > limit);
    for (opening, times) in frequent.filter(|_| all >= MIN_ITEMS) {
        findings.push(Finding {
            severity: profile.severity(),
            rule: Rule::Openings,
            items: Vec::new(),
            message: format!("{times} of {all} {name} begin with \"{opening}\"; vary them"),
        });
    }
}
