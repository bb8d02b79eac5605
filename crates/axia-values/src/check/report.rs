//! Running all checks.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Finding, Rule, Severity, Summary, design, duplicates, openings, wording};
use crate::instrument::Instrument;

/// How strict a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckProfile {
    /// For anyone's instrument: only what spoils a measurement is an error.
    #[default]
    General,
    /// For a survey of the bundled design: 54 facets with 7 train, 2 validation and 2 test items
    /// each, contrasts, varied wording.
    Full,
}

impl CheckProfile {
    /// The severity of a rule that belongs to the design of the bundled survey and is good
    /// practice elsewhere.
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

/// All findings of a check, errors first, and a summary of the instrument.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckReport {
    /// Version of this format.
    pub format_version: u32,
    /// Name of the instrument.
    pub instrument: String,
    /// How strictly it was checked.
    pub profile: CheckProfile,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What the instrument consists of.
    pub summary: Summary,
}

impl CheckReport {
    /// The version that this crate writes.
    pub const FORMAT_VERSION: u32 = 1;

    /// Checks an instrument.
    #[must_use]
    pub fn new(instrument: &Instrument, profile: CheckProfile) -> Self {
        let mut findings = Vec::new();
        design::check(instrument, profile, &mut findings);
        wording::check(instrument, profile, &mut findings);
        duplicates::check(instrument, profile, &mut findings);
        openings::check(instrument, profile, &mut findings);
        findings.sort_by_key(|finding| (finding.severity, finding.rule));
        Self {
            format_version: Self::FORMAT_VERSION,
            instrument: instrument.name.clone(),
            profile,
            findings,
            summary: Summary::new(instrument),
        }
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

impl fmt::Display for CheckReport {
    /// The summary table, and the findings one a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary)?;
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let errors = self.of(Severity::Error).count();
        write!(f, "{errors} errors, {} warnings", self.findings.len() - errors)
    }
}
