//! Sending JSON and reading JSON, again where that may help, with settings for both.

use super::exchange::{Answer, Call, Interruption};
use super::exchange::{jitter, retry_after};
use super::pool::{Pace, wait_until};
use super::{Address, ApiKey, Backoff, RemoteError};
use crate::text::one_line;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime};
use ureq::Agent;

/// Characters of a server's words that an error repeats.
const LONGEST_QUOTE: usize = 300;

/// Talks to one server; many threads may use it at once.
pub struct Client {
    address: Address,
    key: Option<ApiKey>,
    settings: ClientSettings,
    agent: Agent,
    pace: Pace,
    note: Box<dyn Fn(&str) + Send + Sync>,
}

/// A request that brought no answer.
enum Failure {
    /// May go better after a pause; how long the server asks for.
    Passing(RemoteError, Option<Duration>),
    /// Will not.
    Lasting(RemoteError),
}

impl Client {
    /// A client that makes no request yet.
    #[must_use]
    pub fn new(address: Address, key: Option<ApiKey>, settings: ClientSettings) -> Self {
        let agent = agent(settings.connect, settings.read, settings.total);
        let pace = Pace::new(settings.per_minute);
        Self { address, key, settings, agent, pace, note: Box::new(|_| {}) }
    }

    /// Tells `note` why a request waits and for how long, one line at a time.
    #[must_use]
    pub fn with_notes(mut self, note: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.note = Box::new(note);
        self
    }

    /// The base address of the server.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The full address of the endpoint `path`.
    pub(super) fn endpoint(&self, path: &str) -> String {
        self.address.endpoint(path)
    }

    /// Posts `question` to the endpoint `path` (such as `/chat/completions`) and reads the answer.
    /// Failures that may pass are tried again, as the settings say.
    ///
    /// # Errors
    /// [`RemoteError`], soon after `cancel` becomes true [`RemoteError::Cancelled`].
    pub fn post<Q: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        question: &Q,
        cancel: &AtomicBool,
    ) -> Result<A, RemoteError> {
        let body = serde_json::to_vec(question).map_err(|e| RemoteError::Malformed {
            url: self.endpoint(path),
            problem: format!("the question is no JSON: {e}"),
        })?;
        self.exchange(path, Some(body.into()), cancel)
    }

    /// Reads what is at the endpoint `path` (such as `/models`), tried again like a question.
    ///
    /// # Errors
    /// As of [`Self::post`].
    pub fn get<A: DeserializeOwned>(
        &self,
        path: &str,
        cancel: &AtomicBool,
    ) -> Result<A, RemoteError> {
        self.exchange(path, None, cancel)
    }

    fn exchange<A: DeserializeOwned>(
        &self,
        path: &str,
        body: Option<Arc<[u8]>>,
        cancel: &AtomicBool,
    ) -> Result<A, RemoteError> {
        let url = self.endpoint(path);
        let call = Call {
            agent: self.agent.clone(),
            url: url.clone(),
            authorization: self.key.as_ref().map(ApiKey::authorization),
            body,
            longest: self.settings.longest_answer,
        };
        let answer = self.with_retries(cancel, |tries| self.attempt(&call, tries, cancel))?;
        serde_json::from_slice(&answer).map_err(|e| {
            let problem = format!(
                "{}; it begins \"{}\"",
                one_line(&e.to_string(), LONGEST_QUOTE),
                self.quote(&answer)
            );
            RemoteError::Malformed { url, problem }
        })
    }

    /// Runs `attempt`, given the number of tries so far with this one, until it succeeds, fails
    /// for good, or has failed in passing too often.
    fn with_retries<T>(
        &self,
        cancel: &AtomicBool,
        mut attempt: impl FnMut(u32) -> Result<T, Failure>,
    ) -> Result<T, RemoteError> {
        let backoff = &self.settings.backoff;
        for retry in 0.. {
            self.pace.wait(cancel)?;
            let (error, asked) = match attempt(retry + 1) {
                Ok(value) => return Ok(value),
                Err(Failure::Lasting(error)) => return Err(error),
                Err(Failure::Passing(error, asked)) => (error, asked),
            };
            if retry >= backoff.retries || asked.is_some_and(|wait| wait > backoff.longest_asked) {
                return Err(error);
            }
            let pause = backoff.pause(retry, jitter()).max(asked.unwrap_or_default());
            if matches!(error, RemoteError::Busy { .. }) {
                self.pace.hold(pause);
            }
            (self.note)(&format!("{error}; trying again in {:.1} s", pause.as_secs_f64()));
            wait_until(Instant::now() + pause, cancel)?;
        }
        Err(RemoteError::Cancelled)
    }

    fn attempt(&self, call: &Call, tries: u32, cancel: &AtomicBool) -> Result<Vec<u8>, Failure> {
        let url = || call.url.clone();
        let answer = call.send(cancel).map_err(|interruption| match interruption {
            Interruption::Cancelled => Failure::Lasting(RemoteError::Cancelled),
            Interruption::NoConnection(reason) => {
                Failure::Lasting(RemoteError::Unreachable { url: url(), reason })
            }
            Interruption::Broken(reason) => {
                Failure::Passing(RemoteError::Broken { url: url(), reason, tries }, None)
            }
        })?;
        if !(200..300).contains(&answer.status) {
            return Err(self.unwelcome(&answer, url(), tries));
        }
        if answer.body.len() > call.longest {
            return Err(Failure::Lasting(RemoteError::TooLong { url: url(), limit: call.longest }));
        }
        Ok(answer.body)
    }

    /// What a status other than success means.
    fn unwelcome(&self, answer: &Answer, url: String, tries: u32) -> Failure {
        let (status, said) = (answer.status, self.quote(&answer.body));
        let asked = retry_after(&answer.headers, SystemTime::now());
        let refused = |url, said, advice: String| {
            Failure::Lasting(RemoteError::Refused { url, status, said, advice })
        };
        match status {
            300..=399 => refused(url, said, self.redirection(answer)),
            401 | 403 => refused(url, said, self.about_key().to_owned()),
            402 => refused(url, said, "see to the account's credit".to_owned()),
            404 | 405 => {
                let advice = "check the address, and that the server has this model";
                refused(url, said, advice.to_owned())
            }
            429 => Failure::Passing(RemoteError::Busy { url, status, said, asked, tries }, asked),
            503 if asked.is_some() => {
                Failure::Passing(RemoteError::Busy { url, status, said, asked, tries }, asked)
            }
            // A server that has not learnt to do what is asked will not learn it by being asked again.
            501 => Failure::Lasting(RemoteError::Rejected { url, status, said }),
            408 | 500.. => {
                Failure::Passing(RemoteError::Failed { url, status, said, tries }, asked)
            }
            _ => Failure::Lasting(RemoteError::Rejected { url, status, said }),
        }
    }

    fn about_key(&self) -> &'static str {
        match self.key {
            Some(_) => "the key may be wrong or expired, or may not use this model",
            None => "the server wants a key, and none is set in the environment",
        }
    }

    fn redirection(&self, answer: &Answer) -> String {
        let to = answer.headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or("?");
        format!("it points to {}, so give that address", self.quote(to.as_bytes()))
    }

    /// The beginning of what a server said, made harmless; of an error in JSON, its message.
    fn quote(&self, body: &[u8]) -> String {
        let text = match message(body) {
            Some(message) => message,
            None => String::from_utf8_lossy(body).into_owned(),
        };
        let text = match &self.key {
            Some(key) => key.redact(&text),
            None => text,
        };
        one_line(&text, LONGEST_QUOTE)
    }
}

/// The message in `{"error": {"message": …}}`, `{"error": …}`, `{"message": …}` or
/// `{"detail": …}`.
fn message(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let places = ["/error/message", "/error", "/message", "/detail"];
    places.iter().find_map(|place| Some(value.pointer(place)?.as_str()?.to_owned()))
}

/// An agent that tells the program's name, uses the proxies of the environment, follows no
/// redirection and leaves statuses to the caller.
///
/// A redirected POST would lose its body or carry the key to another host. `read` bounds the wait
/// for the next byte, `total` the whole exchange.
pub(super) fn agent(connect: Duration, read: Duration, total: Duration) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(connect))
        .timeout_per_read(Some(read))
        .timeout_global(Some(total))
        .user_agent(concat!("axia/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .build()
        .into()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn client(key: &str) -> Client {
        let address = "http://h.example".parse().unwrap();
        Client::new(address, ApiKey::new(key, "K").unwrap(), ClientSettings::default())
    }

    #[test]
    fn the_message_is_found_wherever_servers_put_it() {
        for body in [
            r#"{"error": {"message": "no", "code": 3}}"#,
            r#"{"error": "no"}"#,
            r#"{"object": "error", "message": "no"}"#,
            r#"{"detail": "no"}"#,
            "no",
        ] {
            assert_eq!(client("").quote(body.as_bytes()), "no", "{body}");
        }
        let other = r#"{"detail": [{"loc": 1}]}"#;
        assert_eq!(client("").quote(other.as_bytes()), other);
        assert_eq!(client("").quote(b"\xff\x1b[2J"), "\u{fffd} [2J");
    }

    #[test]
    fn a_key_that_the_server_repeats_is_not_repeated() {
        let body = br#"{"error": {"message": "bad key sk-sesame!"}}"#;
        assert_eq!(client("sk-sesame").quote(body), "bad key …!");
        // Also where JSON spells it in another way.
        assert_eq!(client("sk/sesame").quote(br#"{"error": "k sk\/sesame"}"#), "k …");
    }
}
