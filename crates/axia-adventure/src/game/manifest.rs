//! What players are told of a game.

use serde::{Deserialize, Serialize};

/// Title, summary and the player's part: `game.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the file's form; 1.
    pub format_version: u32,
    /// The title.
    pub title: String,
    /// Who wrote it.
    #[serde(default)]
    pub author: String,
    /// One sentence.
    #[serde(default)]
    pub short_summary: String,
    /// A few sentences that a player reads before the game.
    #[serde(default)]
    pub summary: String,
    /// Who the player is: completes "You are …".
    #[serde(default)]
    pub player_character: String,
    /// What the player is asked to strive for.
    #[serde(default)]
    pub goal: String,
    /// The licence of text and annotations.
    #[serde(default)]
    pub license: String,
}
