//! Counts: facets, splits, dimensions, areas of life, persons.

use std::collections::{BTreeMap, BTreeSet};

use super::text::is_first_person;
use super::{CheckProfile, Finding, Rule, Severity};
use crate::instrument::{Instrument, Item};
use crate::taxonomy::Facet;

/// Items of each facet in train, validation and test of the full design.
const FACET_COUNTS: [usize; 3] = [7, 2, 2];
/// Areas of life that the full design covers at least.
const MIN_DOMAINS: usize = 8;
/// Share of statements in the first person in the full design.
const FIRST_PERSON: std::ops::RangeInclusive<f64> = 0.35..=0.65;

pub(super) fn check(instrument: &Instrument, profile: CheckProfile, findings: &mut Vec<Finding>) {
    facets_of_values(instrument, profile, findings);
    dimension_sizes(instrument, findings);
    if profile == CheckProfile::Full {
        facet_counts(instrument, findings);
        domains(instrument, findings);
        first_person(instrument, findings);
    }
}

fn split_counts<'a>(items: impl Iterator<Item = &'a Item>) -> [usize; 3] {
    let mut counts = [0; 3];
    for item in items {
        counts[item.split as usize] += 1;
    }
    counts
}

fn facet_counts(instrument: &Instrument, findings: &mut Vec<Finding>) {
    for facet in Facet::ALL {
        let own = |item: &&Item| item.facet.as_deref() == Some(facet.name);
        let counts = split_counts(instrument.items.iter().filter(own));
        if counts != FACET_COUNTS {
            let [train, validation, test] = counts;
            findings.push(Finding {
                severity: Severity::Error,
                rule: Rule::FacetCounts,
                items: Vec::new(),
                message: format!(
                    "facet `{}` has {train} train, {validation} validation and {test} test \
                     items, expected 7, 2 and 2",
                    facet.name
                ),
            });
        }
    }
}

/// Facets that belong to another value than the item's; in the full design also facets that are
/// missing or unknown.
fn facets_of_values(instrument: &Instrument, profile: CheckProfile, findings: &mut Vec<Finding>) {
    for item in &instrument.items {
        let known = item.facet.as_deref().and_then(|name| Facet::find(name).ok());
        let values = item.dimension.refined();
        let message = match known {
            Some(facet) if values.is_empty() || values.contains(&facet.value) => continue,
            Some(facet) => format!(
                "facet `{}` belongs to {}, not to {}",
                facet.name, facet.value, item.dimension
            ),
            None if profile == CheckProfile::General => continue,
            None => match &item.facet {
                Some(name) => format!("`{name}` is none of the 54 facets"),
                None => "the item has no facet".to_owned(),
            },
        };
        findings.push(Finding {
            severity: profile.severity(),
            rule: Rule::FacetOfValue,
            items: vec![item.id.clone()],
            message,
        });
    }
}

fn dimension_sizes(instrument: &Instrument, findings: &mut Vec<Finding>) {
    for dimension in instrument.dimensions() {
        let own = instrument.items.iter().filter(|item| item.dimension == dimension);
        let counts = split_counts(own);
        let message = match counts {
            [0, 0, 1] | [0, 1, 0] | [1, 0, 0] => {
                format!("`{dimension}` has a single item, so its score has no spread")
            }
            [train, _, 0] if train > 0 => {
                format!("`{dimension}` is trained on but has no test item")
            }
            _ => continue,
        };
        findings.push(Finding {
            severity: Severity::Warning,
            rule: Rule::DimensionSize,
            items: Vec::new(),
            message,
        });
    }
}

fn domains(instrument: &Instrument, findings: &mut Vec<Finding>) {
    let domains: BTreeSet<_> =
        instrument.items.iter().filter_map(|item| item.domain.as_deref()).collect();
    if domains.len() < MIN_DOMAINS {
        findings.push(Finding {
            severity: Severity::Error,
            rule: Rule::Domains,
            items: Vec::new(),
            message: format!(
                "the items come from {} areas of life, expected at least {MIN_DOMAINS}",
                domains.len()
            ),
        });
    }
}

/// The first person over the whole instrument and within each value.
fn first_person(instrument: &Instrument, findings: &mut Vec<Finding>) {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for item in &instrument.items {
        for key in ["the instrument".to_owned(), format!("`{}`", item.dimension)] {
            let (first, all) = counts.entry(key).or_default();
            *first += usize::from(is_first_person(&item.statement));
            *all += 1;
        }
    }
    for (key, (first, all)) in counts {
        let share = first as f64 / all as f64;
        if !FIRST_PERSON.contains(&share) {
            findings.push(Finding {
                severity: Severity::Warning,
                rule: Rule::FirstPerson,
                items: Vec::new(),
                message: format!(
                    "{first} of {all} statements of {key} are in the first person, expected \
                     about half"
                ),
            });
        }
    }
}
