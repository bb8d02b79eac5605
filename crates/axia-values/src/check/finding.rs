//! What a check found.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The instrument does not keep what it promises.
    Error,
    /// Worth a look; there may be good reasons for it.
    Warning,
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
    /// Every item has a contrast.
    MissingContrast,
    /// Statements and contrasts have 6 to 30 words.
    Length,
    /// Statements and contrasts can be read by a fifteen-year-old.
    Readability,
    /// A text occurs twice.
    Duplicate,
    /// Two texts share most of their letters or words.
    NearDuplicate,
    /// A statement names its facet or value.
    Leak,
    /// A contrast negates instead of saying something of its own.
    BareNegation,
    /// A statement and its contrast are the same.
    ContrastIsStatement,
    /// Too many statements (or contrasts) begin alike.
    Openings,
    /// The items come from at least eight areas of life.
    Domains,
    /// About half of the statements are in the first person.
    FirstPerson,
}

impl Rule {
    /// The name in kebab case, such as `near-duplicate`.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::FacetCounts => "facet-counts",
            Self::FacetOfValue => "facet-of-value",
            Self::DimensionSize => "dimension-size",
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
    /// Ids of the items concerned; none if it concerns the instrument as a whole.
    pub items: Vec<String>,
    /// What was found, and what was expected.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity} [{}] {}", self.rule, self.message)?;
        match self.items.as_slice() {
            [] => Ok(()),
            items => write!(f, " ({})", items.join(", ")),
        }
    }
}
