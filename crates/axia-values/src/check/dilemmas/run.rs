//! Running all checks of dilemmas.

use super::{balance, duplicates, leaks};
use crate::check::{CheckProfile, Finding, openings};
use crate::dilemma::DilemmaSet;

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
