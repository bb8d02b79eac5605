//! Running all checks.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    DilemmaSummary, Finding, Rule, Severity, Summary, design, dilemmas, duplicates, openings,
    wording,
};
use crate::dilemma::DilemmaSet;
use crate::instrument::Instrument;

/// How strict a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckProfile {
    /// For anyone's instrument or data set: only what spoils a measurement is an error.
    #[default]
    General,
    /// For a survey of the bundled design (54 facets with 7 train, 2 validation and 2 test items
    /// each, contrasts, varied wording) or a set of dilemmas of the bundled design (ten posts a
    /// value, bounded length, balanced verdicts).
    Full,
}

impl CheckProfile {
    /// The severity of a rule that belongs to the design of the bundled data and is good practice
    /// elsewhere.
    pub(super) const fn severity(self) -> Severity {
        match self {
            Self::Full => Severity::Error,
            Self::General => Severity::Warning,
        }
    }
}

/// A word that is no check profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown check profile `{0}`; use general or full")]
pub struct UnknownCheckProfile(pub String);

impl FromStr for CheckProfile {
    type Err = UnknownCheckProfile;

    fn from_str(name: &str) -> Result<Self, UnknownCheckProfile> {
        match name.trim().to_lowercase().as_str() {
            "general" => Ok(Self::General),
            "full" => Ok(Self::Full),
            _ => Err(UnknownCheckProfile(name.to_owned())),
        }
    }
}

/// All findings of a check, errors first, and a summary of what was checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report<S> {
    /// Version of this format.
    pub format_version: u32,
    /// Name of the instrument or data set.
    pub name: String,
    /// How strictly it was checked.
    pub profile: CheckProfile,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What the instrument or data set consists of.
    pub summary: S,
}

/// The report on an instrument.
pub type CheckReport = Report<Summary>;

/// The report on a set of dilemmas.
pub type DilemmaCheckReport = Report<DilemmaSummary>;

impl<S> Report<S> {
    /// The version that this crate writes.
    pub const FORMAT_VERSION: u32 = 2;

    fn sorted(name: &str, profile: CheckProfile, mut findings: Vec<Finding>, summary: S) -> Self {
        findings.sort_by_key(|finding| (finding.severity, finding.rule));
        let format_version = Self::FORMAT_VERSION;
        Self { format_version, name: name.to_owned(), profile, findings, summary }
    }

    /// The findings of one severity.
    pub fn of(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.severity == severity)
    }

    /// The findings of one rule.
    pub fn by_rule(&self, rule: Rule) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.rule == rule)
    }

    /// Whether there is no error.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.of(Severity::Error).next().is_none()
    }
}

impl CheckReport {
    /// Checks an instrument.
    #[must_use]
    pub fn new(instrument: &Instrument, profile: CheckProfile) -> Self {
        let mut findings = Vec::new();
        design::check(instrument, profile, &mut findings);
        wording::check(instrument, profile, &mut findings);
        duplicates::check(instrument, profile, &mut findings);
        duplicates::same_questions(instrument, profile, &mut findings);
        openings::check(instrument, profile, &mut findings);
        Self::sorted(&instrument.name, profile, findings, Summary::new(instrument))
    }
}

impl DilemmaCheckReport {
    /// Checks a set of dilemmas. With [`CheckProfile::Full`] it is held to the design of the
    /// bundled set: ten posts a value, 120 to 350 words, balanced verdicts. With
    /// [`CheckProfile::General`], for sets built from other people's posts, these are warnings.
    #[must_use]
    pub fn new(set: &DilemmaSet, profile: CheckProfile) -> Self {
        let findings = dilemmas::check(set, profile);
        Self::sorted(&set.name, profile, findings, DilemmaSummary::new(set))
    }
}

/// Findings of one rule and severity that are shown; a large set of poor quality has thousands.
const SHOWN: usize = 50;

impl<S: fmt::Display> fmt::Display for Report<S> {
    /// The summary table, and the findings one a line: of each rule the first fifty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary)?;
        let alike = |a: &Finding, b: &Finding| (a.severity, a.rule) == (b.severity, b.rule);
        for findings in self.findings.chunk_by(alike) {
            findings.iter().take(SHOWN).try_for_each(|finding| writeln!(f, "{finding}"))?;
            if let (Some(first), Some(more)) = (findings.first(), findings.len().checked_sub(SHOWN))
                && more > 0
            {
                writeln!(f, "{} [{}] and {more} more of this kind", first.severity, first.rule)?;
            }
        }
        let errors = self.of(Severity::Error).count();
        write!(f, "{errors} errors, {} warnings", self.findings.len() - errors)
    }
}
