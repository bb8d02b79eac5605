//! Running all checks.

use super::{DilemmaSummary, Summary, design, dilemmas, duplicates, openings, wording};
use crate::dilemma::DilemmaSet;
use crate::instrument::Instrument;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

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

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The instrument or data set does not keep what it promises.
    Error,
    /// Worth a look; there may be good reasons for it.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// What a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Every facet has 7 train, 2 validation and 2 test items.
    FacetCounts,
    /// Every item has one of the 54 facets, of its own value.
    FacetOfValue,
    /// A dimension has more than one item, and items in more than one split if any is trained on.
    DimensionSize,
    /// Two templates differ in nothing that stands before the rating.
    SameQuestion,
    /// Every item has a contrast.
    MissingContrast,
    /// Statements and contrasts have 6 to 30 words, posts 120 to 350.
    Length,
    /// Statements and contrasts can be read by a fifteen-year-old.
    Readability,
    /// A text (or an id) occurs twice.
    Duplicate,
    /// Two texts share most of their letters or words.
    NearDuplicate,
    /// A statement names its facet or value, a post its value.
    Leak,
    /// A contrast negates instead of saying something of its own.
    BareNegation,
    /// A statement and its contrast are the same.
    ContrastIsStatement,
    /// Too many statements (or contrasts, or posts) begin alike.
    Openings,
    /// The items come from at least eight areas of life.
    Domains,
    /// About half of the statements are in the first person.
    FirstPerson,
    /// Every refined value has at least ten posts.
    ValueCounts,
    /// Values with too few posts for a claim.
    Underpowered,
    /// People high and low on the value give different verdicts.
    EqualStances,
    /// No verdict is rare among those of people high on the value.
    StanceBalance,
    /// A post ends with a question.
    Question,
    /// A post tells a verdict, or was added to when verdicts had come; links and mentions.
    VerdictLeak,
    /// A post holds characters that are not shown as they are.
    Characters,
    /// Value and stances come with reasons.
    Justification,
}

impl Rule {
    /// The name in kebab case, such as `near-duplicate`.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::FacetCounts => "facet-counts",
            Self::FacetOfValue => "facet-of-value",
            Self::DimensionSize => "dimension-size",
            Self::SameQuestion => "same-question",
            Self::MissingContrast => "missing-contrast",
            Self::Length => "length",
            Self::Readability => "readability",
            Self::Duplicate => "duplicate",
            Self::NearDuplicate => "near-duplicate",
            Self::Leak => "leak",
            Self::BareNegation => "bare-negation",
            Self::ContrastIsStatement => "contrast-is-statement",
            Self::Openings => "openings",
            Self::Domains => "domains",
            Self::FirstPerson => "first-person",
            Self::ValueCounts => "value-counts",
            Self::Underpowered => "underpowered",
            Self::EqualStances => "equal-stances",
            Self::StanceBalance => "stance-balance",
            Self::Question => "question",
            Self::VerdictLeak => "verdict-leak",
            Self::Characters => "characters",
            Self::Justification => "justification",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.slug())
    }
}

/// One thing to put right, or to look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// What was looked at.
    pub rule: Rule,
    /// Ids of the items concerned; none if it concerns the whole.
    pub items: Vec<String>,
    /// What was found, and what was expected.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}] {}", self.severity, self.rule, self.message)?;
        match self.items.as_slice() {
            [] => Ok(()),
            items => write!(f, " ({})", items.join(", ")),
        }
    }
}
