//! A dilemma and where it comes from.

use serde::{Deserialize, Serialize};

use super::Stance;
use crate::taxonomy::RefinedValue;

/// A first-person post with the value at the centre of its conflict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dilemma {
    /// Unique within the data set.
    pub id: String,
    /// The value that the conflict turns on.
    pub value: RefinedValue,
    /// The verdict of a person to whom the value is dear.
    pub high_stance: Stance,
    /// The verdict of a person to whom the value means little.
    pub low_stance: Stance,
    /// The post, untrusted text: never markup, never a template.
    pub post: String,
    /// Why the annotator chose value and stances.
    pub justification: Justification,
    /// Where the row comes from.
    pub provenance: Provenance,
}

/// One short reason for each annotation of a dilemma.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Justification {
    /// Why this value is at the centre.
    pub value: String,
    /// Why a person high on the value judges so.
    pub high_stance: String,
    /// Why a person low on the value judges so.
    pub low_stance: String,
}

/// Where a dilemma comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Provenance {
    /// Written for the data set.
    Original,
    /// Read from another data set that tells no more.
    Imported,
    /// Built from a public submission; its author is not kept.
    Submission(Submission),
}

/// A public submission and how it was annotated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// The forum, such as `AmItheAsshole`.
    pub subreddit: String,
    /// The submission's id there.
    pub id: String,
    /// Path of the submission on its site.
    pub permalink: String,
    /// Votes at the time of the dump.
    pub score: i64,
    /// Seconds since 1970, UTC.
    pub created_utc: i64,
    /// The model that annotated it.
    pub annotator: String,
    /// Answers asked for.
    pub votes: usize,
    /// Share of the valid answers that agree with the majority, from 0 to 1.
    pub agreement: f64,
    /// Whether the same stances came back when the labels were listed in another order; `None`
    /// if that was not asked.
    pub consistent: Option<bool>,
}
