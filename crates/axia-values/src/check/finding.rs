//! What a check found.

use std::fmt;

use serde::{Deserialize, Serialize};

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
