//! One request and its answer. It runs in a thread of its own, so that a cancellation is answered
//! at once even while the server is silent; the thread ends with its time limit.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;

use ureq::http::HeaderMap;
use ureq::{Agent, RequestBuilder};

use super::pace::POLL;

/// A request that is ready to be sent, any number of times.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) agent: Agent,
    pub(super) url: String,
    pub(super) authorization: Option<String>,
    /// JSON to be posted; nothing to get what is there.
    pub(super) body: Option<Arc<[u8]>>,
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

impl Call {
    /// Sends the request and waits for the whole answer.
    pub(super) fn send(&self, cancel: &AtomicBool) -> Result<Answer, Interruption> {
        let (send, answers) = sync_channel(1);
        let call = self.clone();
        let work = move || {
            // Nobody listens any more after a cancellation.
            let _ = send.send(call.make());
        };
        thread::Builder::new()
            .name("remote".to_owned())
            .spawn(work)
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

    fn make(&self) -> Result<Answer, Interruption> {
        let sent = match &self.body {
            Some(body) => {
                let request = self.agent.post(&self.url).content_type("application/json");
                self.signed(request).send(&**body)
            }
            None => self.signed(self.agent.get(&self.url)).call(),
        };
        let (head, body) = sent.map_err(classify)?.into_parts();
        let mut bytes = Vec::new();
        body.into_reader()
            .take(self.longest as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| Interruption::Broken(ureq::Error::from(e).to_string()))?;
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: bytes })
    }

    fn signed<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.authorization {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        }
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
