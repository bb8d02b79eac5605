//! Why a server gave no usable answer.

use std::time::Duration;

/// Why a question to a server failed. Messages read well after "failed to …: ", and hold neither
/// keys nor control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The caller's flag asked for a stop.
    #[error("cancelled")]
    Cancelled,

    /// An address that means no server.
    #[error("the server address `{given}` {problem}")]
    Address {
        /// What was given, without what may be secret.
        given: String,
        /// What is wrong with it.
        problem: &'static str,
    },

    /// A key that cannot be sent.
    #[error(
        "the key in {variable} holds white space or a character that no key has; set it again, to the key alone"
    )]
    Key {
        /// The environment variable.
        variable: &'static str,
    },

    /// No connection came about.
    #[error("cannot reach {url}: {reason}; check the address, and that the server is running")]
    Unreachable {
        /// The endpoint.
        url: String,
        /// What the system said.
        reason: String,
    },

    /// The server wants no requests like this at all.
    #[error("{url} answered with status {status}{}; {advice}", quoted(said))]
    Refused {
        /// The endpoint.
        url: String,
        /// HTTP status.
        status: u16,
        /// What the server said.
        said: String,
        /// What to do.
        advice: String,
    },

    /// The server wants no more requests for now.
    #[error("{url} is busy: status {status} {}{}; lower the request rate or the concurrency, or go on later", waited(*.tries, *.asked), quoted(said))]
    Busy {
        /// The endpoint.
        url: String,
        /// HTTP status.
        status: u16,
        /// What the server said.
        said: String,
        /// The wait that it asked for last.
        asked: Option<Duration>,
        /// How often it was asked.
        tries: u32,
    },

    /// The server does not take this one request.
    #[error("{url} rejected the request with status {status}{}", quoted(said))]
    Rejected {
        /// The endpoint.
        url: String,
        /// HTTP status.
        status: u16,
        /// What the server said.
        said: String,
    },

    /// The server failed at this request, again and again.
    #[error("{url} failed {}, with status {status}{}; see the server's log", times(*.tries), quoted(said))]
    Failed {
        /// The endpoint.
        url: String,
        /// HTTP status of the last answer.
        status: u16,
        /// What the server said.
        said: String,
        /// How often it was asked.
        tries: u32,
    },

    /// The connection broke or timed out, again and again.
    #[error("the connection to {url} broke {}: {reason}; if the model is slow, allow more time (--answer-timeout)", times(*.tries))]
    Broken {
        /// The endpoint.
        url: String,
        /// How it broke last.
        reason: String,
        /// How often it was asked.
        tries: u32,
    },

    /// The answer is longer than any should be.
    #[error("{url} sent more than the {limit} bytes that an answer may have")]
    TooLong {
        /// The endpoint.
        url: String,
        /// The limit.
        limit: usize,
    },

    /// The answer is not what the interface promises.
    #[error("{url} sent no usable answer: {problem}")]
    Malformed {
        /// The endpoint.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// How much a failure spoils.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This answer: the same question may bring a better one.
    Answer,
    /// This question, after all tries; others may fare better.
    Question,
    /// Every question.
    Server,
}

impl RemoteError {
    /// How much the failure spoils.
    #[must_use]
    pub fn reach(&self) -> Reach {
        match self {
            Self::TooLong { .. } | Self::Malformed { .. } => Reach::Answer,
            Self::Rejected { .. } | Self::Failed { .. } | Self::Broken { .. } => Reach::Question,
            Self::Cancelled
            | Self::Address { .. }
            | Self::Key { .. }
            | Self::Unreachable { .. }
            | Self::Refused { .. }
            | Self::Busy { .. } => Reach::Server,
        }
    }
}

fn quoted(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!(" (\"{said}\")"),
    }
}

fn times(n: u32) -> String {
    match n {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

fn waited(tries: u32, asked: Option<Duration>) -> String {
    let after = if tries == 1 { "after 1 try".to_owned() } else { format!("after {tries} tries") };
    match asked {
        Some(wait) => {
            format!("{after}, and it asks for a wait of {:.0} s", wait.as_secs_f64().ceil())
        }
        None => after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_where_what_and_what_to_do() {
        let url = || "http://h/v1/x".to_owned();
        let busy = RemoteError::Busy {
            url: url(),
            status: 429,
            said: "slow down".to_owned(),
            asked: Some(Duration::from_millis(1500)),
            tries: 3,
        };
        assert_eq!(
            busy.to_string(),
            "http://h/v1/x is busy: status 429 after 3 tries, and it asks for a wait of 2 s (\"slow down\"); lower the request rate or the concurrency, or go on later"
        );
        let failed = RemoteError::Failed { url: url(), status: 500, said: String::new(), tries: 1 };
        assert_eq!(
            failed.to_string(),
            "http://h/v1/x failed once, with status 500; see the server's log"
        );
    }
}
