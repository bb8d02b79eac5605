//! The service behind the routes, its settings and its words.

use super::members::Job;
use super::routes::ApiError;
use super::{AccessKey, Members};
use axia_engine::tokenizer::Tokenizer;
use std::collections::hash_map::RandomState;
use std::fmt::Write;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
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

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Its text, or `bytes:\xe2\x80` where it is a part of a character.
    pub name: String,
    pub bytes: Vec<u8>,
}

impl Word {
    fn of(bytes: Vec<u8>) -> Self {
        let name = match std::str::from_utf8(&bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().fold("bytes:".to_owned(), |mut name, byte| {
                // Writing to a string cannot fail.
                let _ = write!(name, "\\x{byte:02x}");
                name
            }),
        };
        Self { name, bytes }
    }
}

/// The words of a vocabulary, each looked up once.
pub(super) struct Words(Vec<OnceLock<Word>>);

impl Words {
    /// For ids below `size`.
    pub fn new(size: usize) -> Self {
        Self(std::iter::repeat_with(OnceLock::new).take(size).collect())
    }

    /// The word of a token.
    pub fn get(&self, tokenizer: &Tokenizer, id: u32) -> Word {
        let look_up = || Word::of(tokenizer.token_bytes(id));
        match self.0.get(id as usize) {
            Some(word) => word.get_or_init(look_up).clone(),
            None => look_up(),
        }
    }
}

/// How a server behaves.
#[derive(Debug, Clone)]
pub struct ServeSettings {
    /// Longest body of a request, in bytes.
    pub max_body: usize,
    /// Most requests at once, waiting ones included.
    pub queue: usize,
    /// Most connections at once; more wait until one ends.
    pub connections: usize,
    /// How long a client may take to send a request's head, its body, the next request on the same
    /// connection, and to take each piece of an answer.
    pub patience: Duration,
    /// How long a request waits for others that can be computed with it.
    pub window: Duration,
    /// Most tokens of a chat's reply where the request does not say.
    pub reply_tokens: usize,
    /// Tokens of prompts and continuations that are kept in memory at once.
    pub cache_tokens: usize,
    /// How long requests that are under way have to finish when the server is stopped.
    pub grace: Duration,
    /// The key that requests must bring.
    pub key: Option<AccessKey>,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            max_body: 8 << 20,
            queue: 256,
            connections: 1024,
            patience: Duration::from_secs(30),
            window: Duration::from_millis(5),
            reply_tokens: 512,
            cache_tokens: 16_384,
            grace: Duration::from_secs(3),
            key: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_characters_are_written_as_bytes() {
        assert_eq!(Word::of(" é".as_bytes().to_vec()).name, " é");
        assert_eq!(Word::of(vec![0xE2, 0x80]).name, r"bytes:\xe2\x80");
        assert_eq!(Word::of(Vec::new()).name, "");
    }
}
