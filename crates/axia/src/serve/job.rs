//! What the computing thread is asked, and what it answers.

use super::error::ApiError;
use axia_engine::generate::Request;
use axia_engine::score::{Reading, Text, TextReadings};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc::UnboundedSender;

/// What is to be computed.
#[derive(Debug)]
pub(super) enum Work {
    /// Reading a text.
    Read(Text),
    /// Continuing a prompt; of every token, so many of its rivals are told, or nothing at all.
    Continue(Request, Option<usize>),
}

/// Whom an answer goes to: one choice of a request.
#[derive(Debug)]
pub(super) struct Asker {
    /// The respondent asked.
    pub member: usize,
    /// The choice that it is for.
    pub choice: usize,
    pub answers: UnboundedSender<(usize, Event)>,
    /// Set when the choice is complete for its reader.
    pub ended: Arc<AtomicBool>,
}

/// A piece of work.
#[derive(Debug)]
pub(super) struct Job {
    pub asker: Asker,
    pub work: Work,
}

/// A part of the answer.
#[derive(Debug)]
pub(super) enum Event {
    /// A text was read.
    Read(TextReadings),
    /// A token was drawn.
    Drawn {
        token: u32,
        /// Whether it is an end token, and the last.
        is_end: bool,
        /// How likely it was, where that was asked.
        reading: Option<Reading>,
    },
    /// Nothing more will come.
    Failed(ApiError),
}

impl Asker {
    /// Whether they wait no longer.
    pub fn is_abandoned(&self) -> bool {
        self.ended.load(Ordering::Relaxed) || self.answers.is_closed()
    }

    /// Tells a part of the answer.
    pub fn tell(&self, event: Event) {
        // Whoever no longer listens is seen by `is_abandoned`.
        let _ = self.answers.send((self.choice, event));
    }
}
