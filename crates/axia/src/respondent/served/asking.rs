//! One request and what came of it.

use super::ServedError;
use super::abilities::Abilities;
use super::answer::Answer;
use super::cache::{AnswerCache, Asked, Kept, Refusal};
use super::wording::Request;
use crate::remote::{Client, Reach, RemoteError};
use serde_json::{Value, json};
use std::sync::atomic::AtomicBool;

/// Requests made again when their answers are no answers.
const TRIES: usize = 3;
const MODELS: &str = "/models";

/// A model of a server, and what it may be asked.
pub(super) struct Asking {
    pub(super) client: Client,
    pub(super) model: String,
    pub(super) cache: AnswerCache,
    pub(super) abilities: Abilities,
}

impl Asking {
    /// The answer to a probe question, kept from an earlier time or asked for now, or why the server
    /// takes no such request, which is kept as well.
    ///
    /// # Errors
    /// [`ServedError`].
    pub(super) fn ask(
        &self,
        request: &Request,
        cancel: &AtomicBool,
    ) -> Result<Result<Answer, Refusal>, ServedError> {
        let url = self.url(request);
        let asked = request.asked(&url);
        match self.cache.get(asked) {
            Some(Kept::Answer(answer)) => return Ok(Ok(answer)),
            Some(Kept::Refused(refusal)) => return Ok(Err(refusal)),
            Some(Kept::Context { .. }) | None => {}
        }
        let found = self.now(request, cancel)?;
        let kept = match found.clone() {
            Ok(answer) => Kept::Answer(answer),
            Err(refusal) => Kept::Refused(refusal),
        };
        self.cache.put(asked, &kept)?;
        Ok(found)
    }

    /// The answer to a request of a kind that the server took when it was probed.
    ///
    /// # Errors
    /// [`ServedError`].
    pub(super) fn answer(
        &self,
        request: &Request,
        cancel: &AtomicBool,
    ) -> Result<Answer, ServedError> {
        let url = self.url(request);
        let asked = request.asked(&url);
        if let Some(Kept::Answer(answer)) = self.cache.get(asked) {
            return Ok(answer);
        }
        match self.now(request, cancel)? {
            Ok(answer) => {
                let kept = Kept::Answer(answer.clone());
                self.cache.put(asked, &kept)?;
                Ok(answer)
            }
            // Not kept: it may be put right.
            Err(Refusal { status, said }) => {
                Err(RemoteError::Rejected { url, status, said }.into())
            }
        }
    }

    /// What `read` finds in the server's list of models, now or at an earlier time. Many servers have
    /// no such list, and none needs to.
    pub(super) fn context(
        &self,
        read: impl FnOnce(&Value) -> Option<usize>,
        cancel: &AtomicBool,
    ) -> Result<Option<usize>, ServedError> {
        let url = format!("{}{MODELS}", self.client.address());
        let body = json!({"model": self.model});
        let asked = Asked { url: &url, body: &body, draw: 0 };
        if let Some(Kept::Context { tokens }) = self.cache.get(asked) {
            return Ok(tokens);
        }
        let tokens = match self.client.get::<Value>(MODELS, cancel) {
            Ok(list) => read(&list),
            Err(RemoteError::Cancelled) => return Err(RemoteError::Cancelled.into()),
            Err(_) => None,
        };
        self.cache.put(asked, &Kept::Context { tokens })?;
        Ok(tokens)
    }

    /// That the server no longer does what it did when it was probed.
    pub(super) fn changed(&self, request: &Request, problem: impl Into<String>) -> ServedError {
        ServedError::Changed { url: self.url(request), problem: problem.into() }
    }

    pub(super) fn url(&self, request: &Request) -> String {
        format!("{}{}", self.client.address(), request.path)
    }

    fn now(
        &self,
        request: &Request,
        cancel: &AtomicBool,
    ) -> Result<Result<Answer, Refusal>, ServedError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let found = self.client.post::<_, Value>(request.path, &request.body, cancel);
            let answer = found.and_then(|value| {
                Answer::read(&value, request.keep)
                    .map_err(|problem| RemoteError::Malformed { url: self.url(request), problem })
            });
            return match answer {
                Ok(answer) => Ok(Ok(answer)),
                Err(RemoteError::Rejected { status, said, .. })
                | Err(RemoteError::Refused { status: status @ (404 | 405), said, .. }) => {
                    Ok(Err(Refusal { status, said }))
                }
                Err(error) if error.reach() == Reach::Answer && tries < TRIES => continue,
                Err(error) => Err(error.into()),
            };
        }
    }
}
