//! What all requests share.

use super::error::ApiError;
use super::job::Job;
use super::words::{Word, Words};
use super::{Members, ServeSettings};
use axia_engine::tokenizer::Tokenizer;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;

/// The respondents, the way to the computing thread, and the limits.
pub(super) struct Service {
    pub members: Members,
    pub settings: ServeSettings,
    /// One permit for every request that may be under way.
    pub queue: Arc<Semaphore>,
    /// Set when everything is to be given up.
    pub stop: AtomicBool,
    /// When the server started, in seconds since 1970.
    pub started: u64,
    words: Words,
    jobs: Mutex<Option<Sender<Job>>>,
    answered: AtomicU64,
}

impl Service {
    pub fn new(members: Members, settings: ServeSettings, jobs: Sender<Job>) -> Self {
        Self {
            queue: Arc::new(Semaphore::new(settings.queue.min(Semaphore::MAX_PERMITS))),
            stop: AtomicBool::new(false),
            started: now(),
            words: Words::new(members.model().decoder().config().vocab_size),
            jobs: Mutex::new(Some(jobs)),
            answered: AtomicU64::new(0),
            members,
            settings,
        }
    }

    pub fn tokenizer(&self) -> &Tokenizer {
        self.members.model().tokenizer()
    }

    pub fn word(&self, token: u32) -> Word {
        self.words.get(self.tokenizer(), token)
    }

    /// A number that no other answer has.
    pub fn number(&self) -> u64 {
        self.answered.fetch_add(1, Ordering::Relaxed)
    }

    /// Gives a piece of work to the computing thread.
    pub fn submit(&self, job: Job) -> Result<(), ApiError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if sent { Ok(()) } else { Err(ApiError::stopping()) }
    }

    /// Lets the computing thread end.
    pub fn close(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// A seed for requests that bring none.
pub(super) fn any_seed() -> u64 {
    RandomState::new().hash_one(SystemTime::now())
}
