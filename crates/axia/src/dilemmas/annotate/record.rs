//! What is kept of a post that was asked about.

use axia_values::dilemma::Dilemma;
use serde::{Deserialize, Serialize};

use super::Vote;

/// An annotated post; a line of `annotations.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Annotation {
    /// The post with what the majority says.
    pub dilemma: Dilemma,
    /// What each usable answer said, in the order asked.
    pub votes: Vec<Vote>,
    /// What was said when the labels were listed in another order; `None` if that was not asked,
    /// or brought no usable answer.
    pub swapped: Option<Vote>,
    /// Whether the annotator read the post with control tokens broken up or control characters
    /// left out.
    pub neutralised: bool,
}

/// A post without a usable annotation; a line of `set_aside.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetAside {
    /// The post's id.
    pub id: String,
    /// Why.
    pub reason: String,
    /// What each usable answer said, where there were some.
    pub votes: Vec<Vote>,
    /// The beginning of the last answer, on one line; `None` if there was none.
    pub last_answer: Option<String>,
    /// As in [`Annotation::neutralised`].
    pub neutralised: bool,
}

impl SetAside {
    /// Whether the annotator said anything.
    pub(super) fn was_answered(&self) -> bool {
        self.last_answer.is_some() || !self.votes.is_empty()
    }
}
