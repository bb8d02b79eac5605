//! One request and its answer. It runs in a thread of its own, so that a cancellation is answered
//! at once even while the server is silent; the thread ends with its time limit.

use super::pool::POLL;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime};
use ureq::http::HeaderMap;
use ureq::{Agent, RequestBuilder};

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

/// When a request that failed in passing is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    /// Further tries after the first.
    pub retries: u32,
    /// Pause before the first retry; doubled before each further one.
    pub first: Duration,
    /// Longest such pause.
    pub longest: Duration,
    /// Longest pause that a server may ask for; one that asks for more is given up.
    pub longest_asked: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            retries: 5,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(30),
            longest_asked: Duration::from_secs(120),
        }
    }
}

impl Backoff {
    /// The pause before retry `number` (from 0): exponential, at most `longest`, of which
    /// `share` (from 0 to 1) decides the second half, so that clients do not come back together.
    pub(super) fn pause(&self, number: u32, share: f64) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(number));
        doubled.min(self.longest).mul_f64(0.5 + 0.5 * share.clamp(0.0, 1.0))
    }
}

/// An even draw from 0 to 1. It only spreads waits, so it need not be repeatable.
pub(super) fn jitter() -> f64 {
    RandomState::new().hash_one(()) as f64 / u64::MAX as f64
}

/// What the `Retry-After` header asks for: seconds, or a date (RFC 9110, 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn pauses_double_up_to_a_bound() {
        let backoff = Backoff { longest: seconds(5), ..Backoff::default() };
        let pauses: Vec<_> = (0..5).map(|i| backoff.pause(i, 1.0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 5, 5]);
        assert_eq!(backoff.pause(1, 0.0), seconds(1));
        assert_eq!(backoff.pause(1, 0.5), Duration::from_millis(1500));
        assert_eq!(backoff.pause(u32::MAX, 1.0), seconds(5));
        assert!((0..100).map(|_| jitter()).all(|share| (0.0..=1.0).contains(&share)));
    }

    #[test]
    fn servers_ask_in_seconds_or_with_a_date() {
        // 1994-11-06 08:49:37 UTC, the example of RFC 9110.
        let date = SystemTime::UNIX_EPOCH + seconds(784_111_777);
        let asked = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", text.parse().unwrap());
            retry_after(&headers, date - seconds(90))
        };
        assert_eq!(asked("7"), Some(seconds(7)));
        assert_eq!(asked("0.25"), Some(Duration::from_millis(250)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT"), Some(seconds(90)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:40:00 GMT"), Some(seconds(0)));
        for nonsense in ["-1", "soon", "", "NaN", "1e400"] {
            assert_eq!(asked(nonsense), None, "{nonsense}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), date), None);
    }
}
