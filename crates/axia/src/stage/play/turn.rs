//! One decision, as transcripts keep it.

use super::summary::Decided;
use serde::{Deserialize, Serialize};

/// A decision in a game, with what was read and what was answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// The game.
    pub game: String,
    /// Its seed.
    pub seed: u64,
    /// Decisions before this one.
    pub t: usize,
    /// Text and options as the player reads them.
    pub observation: String,
    /// Number of the option taken.
    pub action: usize,
    /// How it was decided.
    pub decided: Decided,
    /// What the model answered, where it was asked for words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// Probabilities of the options, where they were scored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probabilities: Vec<f64>,
}
