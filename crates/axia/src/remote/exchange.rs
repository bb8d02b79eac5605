//! One request and its answer. It runs in a thread of its own, so that a cancellation is answered
//! at once even while the server is silent; the thread ends with its time limit.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;

use ureq::Agent;
use ureq::http::HeaderMap;

use super::pace::POLL;

/// A request that is ready to be sent, any number of times.
#[derive(Clone)]
pub(super) struct Post {
    pub(super) agent: Agent,
    pub(super) url: String,
    pub(super) authorization: Option<String>,
    pub(super) body: Arc<[u8]>,
    /// Longest answer, in bytes.
    pub(super) longest: usize,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// The body, cut one byte after the longest allowed.
    pub(super) body: Vec<u8>,
}

/// Why nothing came back.
pub(super) enum Interruption {
    Cancelled,
    /// There is no server, or none that can be spoken with.
    NoConnection(String),
    /// A connection there was, but it broke or ran out of time.
    Broken(String),
}

impl Post {
    /// Sends the request and waits for the whole answer.
    pub(super) fn send(&self, cancel: &AtomicBool) -> Result<Answer, Interruption> {
        let (send, answers) = sync_channel(1);
        let post = self.clone();
        let call = move || {
            // Nobody listens any more after a cancellation.
            let _ = send.send(post.call());
        };
        thread::Builder::new()
            .name("remote".to_owned())
            .spawn(call)
            .map_err(|e| Interruption::NoConnection(e.to_string()))?;
        loop {
            if cancel.load(Ordering::Relaxed) {
                return Err(Interruption::Cancelled);
            }
            match answers.recv_timeout(POLL) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Interruption::Broken("the request ended early".to_owned()));
                }
            }
        }
    }

    fn call(&self) -> Result<Answer, Interruption> {
        let mut request = self.agent.post(&self.url).content_type("application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let (head, body) = request.send(&*self.body).map_err(classify)?.into_parts();
        let mut bytes = Vec::new();
        body.into_reader()
            .take(self.longest as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| Interruption::Broken(ureq::Error::from(e).to_string()))?;
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: bytes })
    }
}

/// A connection that broke is worth another try, but a host that cannot be found or refuses will
/// not come back in seconds.
fn classify(error: ureq::Error) -> Interruption {
    let broken = match &error {
        ureq::Error::Io(e) => matches!(
            e.kind(),
            io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
                | io::ErrorKind::TimedOut
        ),
        ureq::Error::Timeout(_) | ureq::Error::Protocol(_) => true,
        _ => false,
    };
    match broken {
        true => Interruption::Broken(error.to_string()),
        false => Interruption::NoConnection(error.to_string()),
    }
}
