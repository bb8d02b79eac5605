//! HTTP to the hub. A request runs in a thread of its own, so that a
//! cancellation is answered at once even while the network is silent.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use ureq::Agent;
use ureq::config::RedirectAuthHeaders;
use ureq::http::{HeaderMap, Response};

use super::super::files::CHUNK;
use super::super::settings::HubSettings;
use super::super::{ModelError, Watch};
use super::HubId;

/// How often a waiting request looks for a cancellation.
const POLL: Duration = Duration::from_millis(50);
const CONNECT: Duration = Duration::from_secs(20);
/// How much of an answer that should be short is read.
const LONGEST_LISTING: usize = 32 << 20;
/// Chunks that may wait to be written.
const QUEUE: usize = 4;

/// What a connection that broke, rather than never came about, looks like.
const BROKEN: [io::ErrorKind; 5] = [
    io::ErrorKind::ConnectionReset,
    io::ErrorKind::ConnectionAborted,
    io::ErrorKind::BrokenPipe,
    io::ErrorKind::UnexpectedEof,
    io::ErrorKind::TimedOut,
];

/// Talks to one hub.
pub(super) struct Client<'a> {
    agent: Agent,
    settings: &'a HubSettings,
}

/// A request that brought no usable answer.
pub(super) enum Failure {
    /// May go better another time.
    Passing(ModelError),
    /// Will not.
    Lasting(ModelError),
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self::Lasting(error)
    }
}

/// An answer whose body is still coming.
pub(super) struct Answer {
    pub(super) status: u16,
    headers: HeaderMap,
    events: Receiver<Event>,
}

enum Event {
    Head(u16, Box<HeaderMap>),
    Chunk(Vec<u8>),
    End,
    Failed(ureq::Error),
}

impl<'a> Client<'a> {
    pub(super) fn new(settings: &'a HubSettings) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(settings.stall))
            .user_agent(concat!("axia/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .build()
            .into();
        Self { agent, settings }
    }

    /// The description of the commit that `id` means now.
    pub(super) fn listing(&self, id: &HubId, watch: &mut Watch) -> Result<Vec<u8>, ModelError> {
        let path = format!(
            "/api/models/{}/revision/{}?blobs=true",
            id.repository(),
            id.revision().replace('/', "%2F")
        );
        self.with_retries(watch, |watch| {
            let mut answer = self.get(&path, None, watch)?;
            self.check(&answer, id, &format!("the list of files of {id}"))?;
            let mut text = Vec::new();
            while let Some(chunk) = self.next_chunk(&mut answer, watch)? {
                text.extend_from_slice(&chunk);
                if text.len() > LONGEST_LISTING {
                    return Err(Failure::Lasting(ModelError::HubAnswer {
                        what: format!("the list of files of {id}"),
                        problem: "it is too long".to_owned(),
                    }));
                }
            }
            Ok(text)
        })
    }

    /// Sends `GET path`, for the bytes from `start` on if given, and waits
    /// for the head of the answer.
    pub(super) fn get(
        &self,
        path: &str,
        start: Option<u64>,
        watch: &mut Watch,
    ) -> Result<Answer, Failure> {
        let mut request = self.agent.get(format!("{}{path}", self.settings.endpoint));
        if let Some(token) = &self.settings.token {
            request = request.header("authorization", format!("Bearer {}", token.secret()));
        }
        if let Some(start) = start {
            request = request.header("range", format!("bytes={start}-"));
        }
        let (send, events) = sync_channel(QUEUE);
        thread::Builder::new()
            .name("hub".to_owned())
            .spawn(move || forward(request.call(), &send))
            .map_err(|e| self.broken(e.to_string()))?;
        match self.next_event(&events, watch)? {
            Event::Head(status, headers) => Ok(Answer { status, headers: *headers, events }),
            Event::Failed(e) => Err(self.classify(e)),
            Event::Chunk(_) | Event::End => Err(self.broken("no answer".to_owned())),
        }
    }

    /// The next bytes of the body, or `None` at its end.
    pub(super) fn next_chunk(
        &self,
        answer: &mut Answer,
        watch: &mut Watch,
    ) -> Result<Option<Vec<u8>>, Failure> {
        match self.next_event(&answer.events, watch)? {
            Event::Chunk(chunk) => Ok(Some(chunk)),
            Event::End => Ok(None),
            Event::Failed(e) => Err(self.broken(e.to_string())),
            Event::Head(..) => Err(self.broken("two answers to one request".to_owned())),
        }
    }

    fn next_event(&self, events: &Receiver<Event>, watch: &Watch) -> Result<Event, Failure> {
        loop {
            watch.check()?;
            match events.recv_timeout(POLL) {
                Ok(event) => return Ok(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.broken("the connection ended".to_owned()));
                }
            }
        }
    }

    /// Runs `attempt` until it succeeds, fails for good, or has failed in
    /// passing too often.
    pub(super) fn with_retries<T>(
        &self,
        watch: &mut Watch,
        mut attempt: impl FnMut(&mut Watch) -> Result<T, Failure>,
    ) -> Result<T, ModelError> {
        let mut pause = self.settings.retry_pause;
        for _ in 0..self.settings.retries {
            match attempt(watch) {
                Ok(value) => return Ok(value),
                Err(Failure::Lasting(error)) => return Err(error),
                Err(Failure::Passing(error)) => {
                    let seconds = pause.as_secs_f32();
                    let reason = match error {
                        ModelError::Unreachable { reason, .. } => reason,
                        other => other.to_string(),
                    };
                    watch.note(&format!("{reason}; trying again in {seconds:.0} s"));
                    watch.pause(pause)?;
                    pause *= 2;
                }
            }
        }
        attempt(watch).map_err(|failure| match failure {
            Failure::Passing(error) | Failure::Lasting(error) => error,
        })
    }

    /// Turns an unwelcome status into the error that says what to do.
    pub(super) fn check(&self, answer: &Answer, id: &HubId, what: &str) -> Result<(), Failure> {
        let code = answer.header("x-error-code").unwrap_or_default();
        let endpoint = &self.settings.endpoint;
        match answer.status {
            200 | 206 => Ok(()),
            status @ (401 | 403) => Err(Failure::Lasting(ModelError::Refused {
                id: id.to_string(),
                status,
                advice: self.advice(id, code),
            })),
            404 => Err(Failure::Lasting(ModelError::NotOnHub {
                endpoint: endpoint.clone(),
                what: match code {
                    "RevisionNotFound" => {
                        format!("revision `{}` of {}", id.revision(), id.repository())
                    }
                    "EntryNotFound" => what.to_owned(),
                    _ => format!("model {}", id.repository()),
                },
            })),
            status => {
                let error = ModelError::HubAnswer {
                    what: what.to_owned(),
                    problem: format!("HTTP status {status}"),
                };
                match status {
                    408 | 429 | 500.. => Err(Failure::Passing(error)),
                    _ => Err(Failure::Lasting(error)),
                }
            }
        }
    }

    fn advice(&self, id: &HubId, code: &str) -> String {
        let endpoint = &self.settings.endpoint;
        let page = format!("{endpoint}/{}", id.repository());
        let token =
            format!("set HF_TOKEN to a token with read access ({endpoint}/settings/tokens)");
        match (code, self.settings.token.is_some()) {
            ("GatedRepo", false) => {
                format!("it is gated; log in at {page}, accept its licence there, then {token}")
            }
            ("GatedRepo", true) => format!(
                "it is gated, and your token's account has no access yet; accept its licence at {page}, and let the token read gated repositories"
            ),
            (_, false) => format!(
                "either there is no such model (check the spelling), or it is private or gated; if so accept its licence at {page} and {token}"
            ),
            (_, true) => format!(
                "either there is no such model (check the spelling), or your token has expired or may not read it; see {page}, or {token}"
            ),
        }
    }

    /// No connection: one that broke is worth another try, but a host that
    /// cannot be found or refuses will not come back in seconds.
    fn classify(&self, error: ureq::Error) -> Failure {
        let passing = match &error {
            ureq::Error::Io(e) => BROKEN.contains(&e.kind()),
            ureq::Error::Timeout(_) | ureq::Error::Protocol(_) => true,
            _ => false,
        };
        let unreachable = self.unreachable(error.to_string());
        match passing {
            true => Failure::Passing(unreachable),
            false => Failure::Lasting(unreachable),
        }
    }

    fn broken(&self, reason: String) -> Failure {
        Failure::Passing(self.unreachable(reason))
    }

    fn unreachable(&self, reason: String) -> ModelError {
        ModelError::Unreachable { endpoint: self.settings.endpoint.clone(), reason }
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Passes an answer on piece by piece, until nobody listens any more.
fn forward(answer: Result<Response<ureq::Body>, ureq::Error>, send: &SyncSender<Event>) {
    // An error of `send` means that the listener is gone: nothing is left to do.
    let _ = match answer {
        Ok(answer) => forward_body(answer, send),
        Err(e) => send.send(Event::Failed(e)),
    };
}

fn forward_body(
    answer: Response<ureq::Body>,
    send: &SyncSender<Event>,
) -> Result<(), std::sync::mpsc::SendError<Event>> {
    let (head, body) = answer.into_parts();
    send.send(Event::Head(head.status.as_u16(), Box::new(head.headers)))?;
    let mut body = body.into_reader();
    loop {
        let mut chunk = vec![0; CHUNK];
        match body.read(&mut chunk) {
            Ok(0) => return send.send(Event::End),
            Ok(read) => {
                chunk.truncate(read);
                send.send(Event::Chunk(chunk))?;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return send.send(Event::Failed(ureq::Error::Io(e))),
        }
    }
}
