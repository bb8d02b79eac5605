//! A post that passed the filters.

use serde::{Deserialize, Serialize};

/// A post that may become a dilemma: cleaned text and where it came from, never its author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The submission's id, without `t3_`.
    pub id: String,
    /// The subreddit, as the dump spells it.
    pub subreddit: String,
    /// The path of the post's page, `/r/…/comments/…`.
    pub permalink: String,
    /// Votes for less votes against, when the dump was made.
    pub score: i64,
    /// When it was posted, in seconds since 1970 (UTC).
    pub created_utc: i64,
    /// The cleaned title.
    pub title: String,
    /// The cleaned text: paragraphs parted by one empty line.
    pub text: String,
}
