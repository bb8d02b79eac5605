//! Limits and habits of a server.

use super::AccessKey;
use std::time::Duration;

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
