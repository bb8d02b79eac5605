//! How a client behaves.

use std::time::Duration;

use super::Backoff;

/// Limits of a client; the same for every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// Longest time to make a connection.
    pub connect: Duration,
    /// Longest silence: a server says nothing while its model writes.
    pub read: Duration,
    /// Longest time for one try, from the first byte sent to the last received.
    pub total: Duration,
    /// Longest answer, in bytes.
    pub longest_answer: usize,
    /// When failed requests are tried again.
    pub backoff: Backoff,
    /// Most requests a minute, retries included.
    pub per_minute: Option<u32>,
}

impl ClientSettings {
    /// These, with another longest time for one try, silence included.
    #[must_use]
    pub fn with_answers_within(self, time: Duration) -> Self {
        Self { read: time, total: time, ..self }
    }
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            read: Duration::from_secs(300),
            total: Duration::from_secs(600),
            longest_answer: 1 << 20,
            backoff: Backoff::default(),
            per_minute: None,
        }
    }
}
