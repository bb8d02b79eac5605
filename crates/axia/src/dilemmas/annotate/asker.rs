//! Asking about one post.

use super::answer::{Answer, parse};
use super::question::{LabelOrder, Quoted, post_text};
use super::{Annotation, AnnotationSettings, Annotator, AnnotatorError, SetAside};
use crate::dilemmas::Candidate;
use crate::remote::Reach;
use crate::text::one_line;
use axia_values::dilemma::{Dilemma, Provenance, Stance, Submission};
use axia_values::taxonomy::RefinedValue;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Characters of an answer that are kept of a post that is set aside.
const LONGEST_KEPT: usize = 1000;

/// Asks an annotator; shared by all workers.
pub(super) struct Asker<'a> {
    annotator: &'a dyn Annotator,
    settings: &'a AnnotationSettings,
    cancel: &'a AtomicBool,
    questions: AtomicUsize,
}

/// What came of a post.
#[derive(Debug)]
pub(super) enum Outcome {
    Annotated(Box<Annotation>),
    /// The annotator answered, but nothing that will do.
    Unusable(SetAside),
    /// It was not asked.
    Unfit(SetAside),
    /// It did not answer.
    Unanswered(SetAside, AnnotatorError),
}

/// What came of a question whose tries are used up.
enum Unusable {
    Invalid { complaint: String, answer: String },
    Missing(AnnotatorError),
}

/// One post while it is asked about.
struct Inquiry<'a> {
    post: &'a Candidate,
    text: String,
    quoted: Quoted,
}

impl<'a> Asker<'a> {
    pub(super) fn new(
        annotator: &'a dyn Annotator,
        settings: &'a AnnotationSettings,
        cancel: &'a AtomicBool,
    ) -> Self {
        Self { annotator, settings, cancel, questions: AtomicUsize::new(0) }
    }

    /// How often the annotator was asked.
    pub(super) fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }

    /// Asks for all votes about a post, and whether the majority holds with the labels swapped.
    ///
    /// # Errors
    /// Failures that spoil every further question.
    pub(super) fn annotate(&self, post: &Candidate) -> Result<Outcome, AnnotatorError> {
        let text = post_text(post);
        let inquiry = Inquiry { post, quoted: Quoted::new(&text), text };
        let (length, longest) = (inquiry.text.chars().count(), self.settings.longest_post);
        if length > longest {
            let reason = format!("the post has {length} characters, but {longest} are the most");
            return Ok(Outcome::Unfit(inquiry.set_aside(reason)));
        }
        match self.inquire(&inquiry) {
            Err(error) if error.reach() != Reach::Server => {
                Ok(Outcome::Unanswered(inquiry.set_aside(error.to_string()), error))
            }
            outcome => outcome,
        }
    }

    fn inquire(&self, inquiry: &Inquiry) -> Result<Outcome, AnnotatorError> {
        let mut answers = Vec::new();
        let mut unusable = None;
        for number in 0..self.settings.votes {
            match self.ask(inquiry, LabelOrder::Usual, number)? {
                Ok(answer) => answers.push(answer),
                Err(failed) => unusable = Some(failed),
            }
        }
        if let (true, Some(unusable)) = (answers.is_empty(), unusable) {
            return Ok(inquiry.without_answer(unusable));
        }
        let votes: Vec<Vote> = answers.iter().map(|answer| answer.vote).collect();
        let majority = match majority(&votes) {
            Ok(majority) => majority,
            Err(tie) => {
                return Ok(Outcome::Unusable(SetAside { votes, ..inquiry.set_aside(tie) }));
            }
        };
        let swapped = match self.settings.consistency {
            true => self.ask(inquiry, LabelOrder::Swapped, self.settings.votes)?.ok(),
            false => None,
        };
        let swapped = swapped.map(|answer| answer.vote);
        let dilemma = self.dilemma(inquiry, &answers, majority, swapped);
        let neutralised = inquiry.quoted.neutralised;
        Ok(Outcome::Annotated(Box::new(Annotation { dilemma, votes, swapped, neutralised })))
    }

    /// Asks one question until an answer will do or the tries are used up.
    fn ask(
        &self,
        inquiry: &Inquiry,
        order: LabelOrder,
        number: usize,
    ) -> Result<Result<Answer, Unusable>, AnnotatorError> {
        let mut last: Option<Unusable> = None;
        let mut attempt = 0;
        loop {
            let complaint = match &last {
                Some(Unusable::Invalid { complaint, .. }) => Some(complaint.as_str()),
                _ => None,
            };
            let question = inquiry.quoted.question(order, complaint);
            let draw = self.settings.draw(&inquiry.post.id, number, attempt);
            self.questions.fetch_add(1, Ordering::Relaxed);
            let failed = match self.annotator.reply(&question, &draw, self.cancel) {
                Ok(answer) => match parse(&answer) {
                    Ok(answer) => return Ok(Ok(answer)),
                    Err(complaint) => Unusable::Invalid { complaint, answer },
                },
                Err(error) if error.reach() == Reach::Answer => Unusable::Missing(error),
                Err(error) => return Err(error),
            };
            let failed = match (last.take(), failed) {
                // What the annotator did say tells more.
                (Some(said @ Unusable::Invalid { .. }), Unusable::Missing(_)) => said,
                (_, failed) => failed,
            };
            if attempt >= self.settings.retries {
                return Ok(Err(failed));
            }
            last = Some(failed);
            attempt += 1;
        }
    }

    fn dilemma(
        &self,
        inquiry: &Inquiry,
        answers: &[Answer],
        majority: Majority,
        swapped: Option<Vote>,
    ) -> Dilemma {
        let Majority { vote, agreement } = majority;
        let post = inquiry.post;
        let first = answers.iter().find(|answer| answer.vote == vote);
        Dilemma {
            id: post.id.clone(),
            value: vote.value,
            high_stance: vote.high_stance,
            low_stance: vote.low_stance,
            post: inquiry.text.clone(),
            justification: first.map(|answer| answer.reasons.clone()).unwrap_or_default(),
            provenance: Provenance::Submission(Submission {
                subreddit: post.subreddit.clone(),
                id: post.id.clone(),
                permalink: post.permalink.clone(),
                score: post.score,
                created_utc: post.created_utc,
                annotator: self.settings.annotator.clone(),
                votes: self.settings.votes,
                agreement,
                consistent: self.settings.consistency.then_some(swapped == Some(vote)),
            }),
        }
    }
}

impl Inquiry<'_> {
    fn set_aside(&self, reason: String) -> SetAside {
        SetAside {
            id: self.post.id.clone(),
            reason,
            votes: Vec::new(),
            last_answer: None,
            neutralised: self.quoted.neutralised,
        }
    }

    fn without_answer(&self, unusable: Unusable) -> Outcome {
        match unusable {
            Unusable::Invalid { complaint, answer } => Outcome::Unusable(SetAside {
                last_answer: Some(one_line(&answer, LONGEST_KEPT)),
                ..self.set_aside(complaint)
            }),
            Unusable::Missing(error) => {
                Outcome::Unanswered(self.set_aside(error.to_string()), error)
            }
        }
    }
}

/// What an answer says, without its reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// The value at the centre of the conflict.
    pub value: RefinedValue,
    /// The verdict of a person high on it.
    pub high_stance: Stance,
    /// The verdict of a person low on it.
    pub low_stance: Stance,
}

/// What most votes say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Majority {
    pub(super) vote: Vote,
    /// Share of the votes that say just this.
    pub(super) agreement: f64,
}

/// The value with most votes, and among its votes the pair of stances with most.
///
/// # Errors
/// What is tied, in words.
pub(super) fn majority(votes: &[Vote]) -> Result<Majority, String> {
    let values: Vec<RefinedValue> = votes.iter().map(|vote| vote.value).collect();
    let value = most_frequent(&values).ok_or("the votes on the value tie")?;
    let for_value: Vec<Vote> = votes.iter().copied().filter(|vote| vote.value == value).collect();
    let vote = most_frequent(&for_value)
        .ok_or_else(|| format!("the votes on the stances tie (value {value})"))?;
    let agreeing = votes.iter().filter(|other| **other == vote).count();
    Ok(Majority { vote, agreement: agreeing as f64 / votes.len() as f64 })
}

/// The item that occurs more often than any other.
fn most_frequent<T: Copy + PartialEq>(items: &[T]) -> Option<T> {
    let count = |item: &T| items.iter().filter(|other| *other == item).count();
    let most = items.iter().map(count).max()?;
    let mut winners = items.iter().filter(|item| count(item) == most);
    let first = winners.next()?;
    winners.all(|other| other == first).then_some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use RefinedValue::{Face, Hedonism, Humility};
    use Stance::{Neutral, Nta, Yta};

    fn vote(value: RefinedValue, high_stance: Stance, low_stance: Stance) -> Vote {
        Vote { value, high_stance, low_stance }
    }

    #[test]
    fn the_value_is_decided_first_then_its_stances() {
        // Face has three votes, though the commonest single answer is one for humility.
        let votes = [
            vote(Humility, Nta, Yta),
            vote(Face, Nta, Yta),
            vote(Humility, Nta, Yta),
            vote(Face, Yta, Nta),
            vote(Face, Yta, Nta),
        ];
        let majority = majority(&votes).unwrap();
        assert_eq!(majority.vote, vote(Face, Yta, Nta));
        assert_eq!(majority.agreement, 2.0 / 5.0);
    }

    #[test]
    fn a_single_vote_agrees_with_itself() {
        let only = vote(Face, Yta, Neutral);
        assert_eq!(majority(&[only]), Ok(Majority { vote: only, agreement: 1.0 }));
    }

    #[test]
    fn ties_are_no_majority() {
        let tie = majority(&[vote(Face, Nta, Yta), vote(Hedonism, Nta, Yta)]);
        assert_eq!(tie.unwrap_err(), "the votes on the value tie");
        let tie = majority(&[vote(Face, Nta, Yta), vote(Face, Yta, Nta), vote(Hedonism, Nta, Yta)]);
        assert_eq!(tie.unwrap_err(), "the votes on the stances tie (value face)");
        assert!(majority(&[]).is_err());
    }
}
