//! In what two runs differ.

use serde::Serialize;

use crate::report::words::NOTHING;
use crate::study::summary::RunSummary;

/// A fact or setting that differs.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    name: String,
    a: String,
    b: String,
}

/// What differs, and how many settings and hashes do not.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Differences {
    rows: Vec<Difference>,
    same: usize,
}

pub(super) fn differences(a: &RunSummary, b: &RunSummary) -> Differences {
    let (a, b) = (named(a), named(b));
    let only_in_b = b.iter().filter(|(name, _)| find(&a, name).is_none());
    let names = a.iter().chain(only_in_b).map(|(name, _)| name);
    let mut differences = Differences { rows: Vec::new(), same: 0 };
    for name in names {
        let [of_a, of_b] = [find(&a, name), find(&b, name)];
        if of_a == of_b {
            differences.same += 1;
            continue;
        }
        let text = |value: Option<&str>| value.unwrap_or(NOTHING).to_owned();
        differences.rows.push(Difference { name: name.clone(), a: text(of_a), b: text(of_b) });
    }
    differences
}

fn find<'a>(entries: &'a [(String, String)], name: &str) -> Option<&'a str> {
    entries.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

/// Facts, settings and hashes of a run by unambiguous names.
fn named(summary: &RunSummary) -> Vec<(String, String)> {
    let items = summary.survey.items.map(|count| count.to_string()).join(" / ");
    let facts = [
        ("Model", summary.model.name.clone()),
        ("Storage of the weights", summary.model.storage.clone()),
        ("Questionnaire", summary.survey.title.clone()),
        ("Items to train, stop by, hold out", items),
        ("Ways of asking in training", summary.survey.train_variants.to_string()),
        ("Ways of asking in evaluation", summary.survey.test_variants.to_string()),
        ("Version of axia", summary.axia_version.clone()),
        ("Machine", summary.machine.clone()),
    ];
    let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value));
    let settings =
        summary.settings.iter().map(|(name, value)| (format!("Setting: {name}"), value.clone()));
    let hashes =
        summary.hashes.iter().map(|(name, hash)| (format!("SHA-256: {name}"), hash.clone()));
    let stages = summary.stages.shown();
    let stages = stages.iter().flat_map(|stage| stage.facts());
    facts.chain(stages).chain(settings).chain(hashes).collect()
}
