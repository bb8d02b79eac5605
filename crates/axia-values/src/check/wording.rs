//! The words of single items.

use super::text::{reading_grade, stems_in, words};
use super::{CheckProfile, Finding, Rule, Severity};
use crate::instrument::{Instrument, Item};
use crate::taxonomy::Facet;

/// Words that a statement or contrast may have.
const LENGTH: std::ops::RangeInclusive<usize> = 6..=30;
/// Hardest grade. Statements are single sentences, whose grade varies much more than that of
/// whole texts: one long word too many adds two years. The limit allows for that.
const HARDEST_GRADE: f64 = 12.0;
/// Words that negate, besides all that end in "n't" and all forms of "refuse".
const NEGATIONS: &[&str] = &[
    "not", "no", "never", "nothing", "nobody", "none", "neither", "nor", "nowhere", "without",
    "hardly", "cannot",
];

pub(super) fn check(instrument: &Instrument, profile: CheckProfile, findings: &mut Vec<Finding>) {
    for item in &instrument.items {
        let mut find = |severity, rule, message| {
            findings.push(Finding { severity, rule, items: vec![item.id.clone()], message });
        };
        let severity = profile.severity();
        for (name, text) in texts(item) {
            let count = words(text).len();
            if !LENGTH.contains(&count) {
                let message = format!("the {name} has {count} words, expected 6 to 30");
                find(severity, Rule::Length, message);
            }
            let grade = reading_grade(text);
            if grade > HARDEST_GRADE {
                let message = format!(
                    "the {name} reads at school grade {grade:.1}, expected at most \
                     {HARDEST_GRADE:.0}"
                );
                find(Severity::Warning, Rule::Readability, message);
            }
        }
        for (word, stem) in leaks(item) {
            let message = format!("the statement gives its subject away: `{word}` ({stem}…)");
            find(severity, Rule::Leak, message);
        }
        match &item.contrast {
            None if profile == CheckProfile::Full => {
                find(severity, Rule::MissingContrast, "the item has no contrast".to_owned());
            }
            None => (),
            Some(contrast) if words(contrast) == words(&item.statement) => {
                let message = "the contrast is the statement itself".to_owned();
                find(Severity::Error, Rule::ContrastIsStatement, message);
            }
            Some(contrast) => {
                if let Some(word) = words(contrast).into_iter().find(|word| negates(word)) {
                    let message = format!("the contrast negates (`{word}`); word it positively");
                    find(severity, Rule::BareNegation, message);
                }
            }
        }
    }
}

/// Statement and contrast with their names.
pub(super) fn texts(item: &Item) -> impl Iterator<Item = (&'static str, &str)> {
    let contrast = item.contrast.as_deref().map(|contrast| ("contrast", contrast));
    [("statement", item.statement.as_str())].into_iter().chain(contrast)
}

fn negates(word: &str) -> bool {
    NEGATIONS.contains(&word) || word.ends_with("n't") || word.starts_with("refus")
}

/// Words of the statement that begin with a stem of its facet or of a value it measures, with
/// the stem.
fn leaks(item: &Item) -> Vec<(String, &'static str)> {
    let facet = item.facet.as_deref().and_then(|name| Facet::find(name).ok());
    let facet_stems = facet.map_or(&[][..], |facet| facet.leak_stems);
    let values = item.dimension.refined();
    let value_stems = values.iter().flat_map(|value| value.leak_stems());
    let stems: Vec<&'static str> = facet_stems.iter().chain(value_stems).copied().collect();
    stems_in(&item.statement, &stems)
}
