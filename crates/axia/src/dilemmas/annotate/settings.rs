//! How posts are annotated.

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::question::{LabelOrder, Quoted};
use super::{AnnotateError, Draw};

/// Settings of an annotation. All but `workers` decide its outcome, so a folder goes on only with
/// the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnnotationSettings {
    /// The annotator's name, for the record.
    pub annotator: String,
    /// How often each post is asked about; with more than one, answers are sampled.
    pub votes: usize,
    /// Whether to ask once more with the labels in another order.
    pub consistency: bool,
    /// Further tries where an answer will not do.
    pub retries: usize,
    /// Most tokens of an answer.
    pub max_tokens: usize,
    /// Most characters of a post; longer ones are set aside without being asked about.
    pub longest_post: usize,
    /// Seed that the seeds of all answers derive from.
    pub seed: u64,
    /// Posts asked about at once.
    #[serde(skip)]
    pub workers: usize,
}

impl AnnotationSettings {
    /// The defaults, for the annotator called `annotator`.
    pub fn new(annotator: impl Into<String>) -> Self {
        Self {
            annotator: annotator.into(),
            votes: 1,
            consistency: true,
            retries: 2,
            max_tokens: 500,
            longest_post: 20_000,
            seed: 0,
            workers: 1,
        }
    }

    /// # Errors
    /// [`AnnotateError::Setting`] naming one that makes no sense.
    pub(super) fn check(&self) -> Result<(), AnnotateError> {
        let counts = [
            (self.votes, "the number of votes"),
            (self.max_tokens, "the number of tokens of an answer"),
            (self.longest_post, "the length of a post"),
            (self.workers, "the number of posts asked about at once"),
        ];
        match counts.into_iter().find(|(count, _)| *count == 0) {
            Some((_, name)) => Err(AnnotateError::Setting(format!("{name} must be at least 1"))),
            None => Ok(()),
        }
    }

    /// How one answer is drawn: the seed follows from what is asked, not from what was asked before.
    pub(super) fn draw(&self, post: &str, question: usize, attempt: usize) -> Draw {
        let seed = hash(&format!("{} {question} {attempt} {post}", self.seed)) >> 33;
        // Several votes are only worth asking for where they may differ.
        let sampled = self.votes > 1 && question < self.votes;
        Draw { temperature: if sampled { 0.7 } else { 0.0 }, seed, max_tokens: self.max_tokens }
    }

    /// The record of these settings, and of the wording of the question.
    pub(super) fn record(&self) -> Value {
        let wording = Quoted::new("").question(LabelOrder::Usual, Some(""));
        let wording = format!("{:016x}", hash(&wording));
        json!({"format_version": 1, "settings": self, "question_wording": wording})
    }
}

/// The first 64 bits of the SHA-256 of `text`.
fn hash(text: &str) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&Sha256::digest(text)[..8]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_votes_are_sampled_and_the_control_question_is_not() {
        let settings = AnnotationSettings { votes: 3, ..AnnotationSettings::new("a") };
        let temperatures = [0, 1, 2, 3].map(|question| settings.draw("p", question, 0).temperature);
        assert_eq!(temperatures, [0.7, 0.7, 0.7, 0.0]);
        assert_eq!(AnnotationSettings::new("a").draw("p", 0, 0).temperature, 0.0);
    }

    #[test]
    fn every_answer_has_its_own_seed_that_any_server_takes() {
        let settings = AnnotationSettings::new("a");
        let other = AnnotationSettings { seed: 1, ..settings.clone() };
        let mut seeds = vec![other.draw("p", 0, 0).seed];
        for (post, question, attempt) in [("p", 0, 0), ("q", 0, 0), ("p", 1, 0), ("p", 0, 1)] {
            let seed = settings.draw(post, question, attempt).seed;
            assert_eq!(seed, settings.draw(post, question, attempt).seed);
            seeds.push(seed);
        }
        assert!(seeds.iter().all(|seed| *seed < 1 << 31));
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 5);
    }

    #[test]
    fn counts_of_nothing_are_refused() {
        let none = AnnotationSettings { votes: 0, ..AnnotationSettings::new("a") };
        let message = none.check().unwrap_err().to_string();
        assert_eq!(message, "the number of votes must be at least 1");
    }
}
