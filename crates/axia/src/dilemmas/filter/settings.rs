//! What the filters let through.

use serde::{Deserialize, Serialize};

use crate::dilemmas::BuildError;

/// Settings of the filter stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterSettings {
    /// The subreddit whose posts are taken; case does not count.
    pub subreddit: String,
    /// Fewest words of a cleaned text.
    pub min_words: usize,
    /// Most words of a cleaned text.
    pub max_words: usize,
    /// Whether texts must be English.
    pub english_only: bool,
    /// Similarity from 0 to 1 from which on two posts count as one: the share of the two texts'
    /// runs of three words that they have in common.
    pub near_duplicate: f64,
}

impl Default for FilterSettings {
    fn default() -> Self {
        Self {
            subreddit: "AmItheAsshole".to_owned(),
            min_words: 80,
            max_words: 600,
            english_only: true,
            near_duplicate: 0.7,
        }
    }
}

impl FilterSettings {
    /// Fails for settings that let nothing through.
    ///
    /// # Errors
    /// [`BuildError::Setting`].
    pub fn check(&self) -> Result<(), BuildError> {
        let complain = |message: String| Err(BuildError::Setting(message));
        let name = &self.subreddit;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return complain(format!("`{name}` is no subreddit; give its name without `r/`"));
        }
        if self.min_words > self.max_words {
            let (min, max) = (self.min_words, self.max_words);
            return complain(format!("no text has at least {min} and at most {max} words"));
        }
        // Below, texts that share but a phrase would be called the same.
        if !(0.3..=1.0).contains(&self.near_duplicate) {
            let found = self.near_duplicate;
            return complain(format!("near-duplicate similarity {found} is not in 0.3 to 1"));
        }
        Ok(())
    }
}
