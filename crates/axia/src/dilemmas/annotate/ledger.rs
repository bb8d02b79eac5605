//! Keeping what came of each post.

use super::asker::Outcome;
use super::records::Records;
use super::{AnnotateError, AnnotatorError, SetAside};

/// After so many posts in a row without an answer, the fault is taken to be the annotator's.
const MOST_UNANSWERED: usize = 10;

/// What came of an annotation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AnnotationSummary {
    /// Posts annotated this time.
    pub annotated: usize,
    /// Posts set aside this time.
    pub set_aside: usize,
    /// Posts that had been annotated or set aside before.
    pub already: usize,
    /// Questions asked this time, retries included.
    pub questions: usize,
}

/// Writes outcomes down.
///
/// A post that got no answer is set aside only once the annotator has answered about another: if
/// it answers about none, no post is at fault, and all are asked about again the next time.
pub(super) struct Ledger {
    records: Records,
    summary: AnnotationSummary,
    answered: bool,
    unanswered: Vec<(SetAside, AnnotatorError)>,
}

impl Ledger {
    pub(super) fn new(records: Records) -> Self {
        let answered = records.answered();
        let summary = AnnotationSummary::default();
        Self { records, summary, answered, unanswered: Vec::new() }
    }

    /// Posts annotated and set aside.
    pub(super) fn done(&self) -> usize {
        self.summary.annotated + self.summary.set_aside
    }

    pub(super) fn keep(&mut self, outcome: Outcome) -> Result<(), AnnotateError> {
        match outcome {
            Outcome::Annotated(row) => {
                self.answered()?;
                self.summary.annotated += 1;
                self.records.annotate(&row)
            }
            Outcome::Unusable(row) => {
                self.answered()?;
                self.set_aside(&row)
            }
            Outcome::Unfit(row) => self.set_aside(&row),
            Outcome::Unanswered(row, error) => {
                self.unanswered.push((row, error));
                match self.unanswered.len() < MOST_UNANSWERED {
                    true => Ok(()),
                    false => self.blame_annotator(),
                }
            }
        }
    }

    /// Ends the annotation, after which all posts are done.
    pub(super) fn finish(mut self) -> Result<AnnotationSummary, AnnotateError> {
        match self.answered {
            true => self.answered()?,
            false => self.blame_annotator()?,
        }
        Ok(self.summary)
    }

    /// The annotator does answer, so the posts that it did not answer are at fault.
    fn answered(&mut self) -> Result<(), AnnotateError> {
        self.answered = true;
        for (row, _) in std::mem::take(&mut self.unanswered) {
            self.set_aside(&row)?;
        }
        Ok(())
    }

    fn set_aside(&mut self, row: &SetAside) -> Result<(), AnnotateError> {
        self.summary.set_aside += 1;
        self.records.set_aside(row)
    }

    /// An error if posts went unanswered.
    fn blame_annotator(&mut self) -> Result<(), AnnotateError> {
        let posts = self.unanswered.len();
        match self.unanswered.pop() {
            Some((_, last)) => Err(AnnotateError::NoAnswers { posts, last }),
            None => Ok(()),
        }
    }
}
