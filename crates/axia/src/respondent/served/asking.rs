//! One request and what came of it.

use super::ServedError;
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

/// How a server gives the log-probabilities of a text that it did not write itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Echo {
    /// `echo` with so many new tokens: some servers want at least one.
    Echo { new_tokens: usize },
    /// `prompt_logprobs`, as vLLM has it; of chats too.
    PromptLogprobs,
}

/// How the model is made to go on with a beginning of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefill {
    /// A last message of the assistant, and flags that say not to close it.
    Flagged,
    /// A last message of the assistant.
    Plain,
    /// Not at all: the beginning goes to the end of the question.
    Question,
}

/// What may be sent, and what comes back.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Abilities {
    /// Name of the field for the most tokens of an answer.
    pub(super) limit: &'static str,
    /// Whether `temperature` and `top_p` are taken.
    pub(super) sampling: bool,
    /// Whether `seed` is taken.
    pub(super) seed: bool,
    /// Whether fields beyond OpenAI's (`top_k`, `min_p`, penalties) are taken, which switch off what
    /// servers do to the distribution unasked.
    pub(super) extras: bool,
    /// Length of the list of likeliest tokens to ask for; 0 for none.
    pub(super) top: usize,
    /// How answers are begun.
    pub(super) prefill: Prefill,
    /// Whether answers are given back with the beginning that was written for them.
    pub(super) repeats: bool,
    /// How prompts are scored; nothing where they cannot be.
    pub(super) echo: Option<Echo>,
}

/// Words of an error, what to give up for them, and how that is said.
type Concession = (&'static [&'static str], fn(&mut Abilities) -> bool, &'static str);

/// In the order in which they are tried on an error that names nothing.
const CONCESSIONS: [Concession; 6] = [
    (
        &["top_k", "min_p", "penalty", "extra", "unknown", "unrecognized", "unexpected"],
        |able| std::mem::take(&mut able.extras),
        "takes neither top_k nor min_p",
    ),
    (
        &["logprob"],
        |able| {
            let more = able.top > 5;
            able.top = able.top.min(5);
            more
        },
        "takes no list of 20 likeliest tokens",
    ),
    (&["logprob"], |able| std::mem::take(&mut able.top) > 0, "takes no logprobs"),
    (&["seed"], |able| std::mem::take(&mut able.seed), "takes no seed"),
    (
        &["temperature", "top_p"],
        |able| std::mem::take(&mut able.sampling),
        "takes neither temperature nor top_p",
    ),
    (
        &["max_completion_tokens", "max_tokens"],
        |able| std::mem::replace(&mut able.limit, "max_completion_tokens") == "max_tokens",
        "wants max_completion_tokens",
    ),
];

impl Abilities {
    /// What is asked for at first.
    pub(super) const fn hoped() -> Self {
        Self {
            limit: "max_tokens",
            sampling: true,
            seed: true,
            extras: true,
            top: 20,
            prefill: Prefill::Question,
            repeats: false,
            echo: None,
        }
    }

    /// Gives up something after a server refused a request and `said` why: what it named, or else
    /// the next best guess. Says what; nothing where there is nothing left to give up.
    pub(super) fn concede(&mut self, said: &str) -> Option<&'static str> {
        let said = said.to_ascii_lowercase();
        let named = |words: &[&str]| words.iter().any(|word| said.contains(word));
        let (first, then): (Vec<_>, Vec<_>) =
            CONCESSIONS.iter().partition(|(words, ..)| named(words));
        first.into_iter().chain(then).find_map(|&(_, give_up, what)| give_up(self).then_some(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_names_is_given_up_first() {
        let mut able = Abilities::hoped();
        let said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.";
        assert_eq!(able.concede(said), Some("wants max_completion_tokens"));
        assert_eq!(able, Abilities { limit: "max_completion_tokens", ..Abilities::hoped() });
        assert!(able.concede("top_logprobs must be at most 5").is_some() && able.top == 5);
        assert!(able.concede("logprobs are not supported").is_some() && able.top == 0);
        assert!(able.concede("'seed' is unknown").is_some() && !able.extras);
        assert!(able.concede("'seed' is unknown").is_some() && !able.seed);
    }

    #[test]
    fn an_error_that_names_nothing_ends_some_time() {
        let mut able = Abilities::hoped();
        let given_up = std::iter::from_fn(|| able.concede("bad request")).count();
        assert_eq!(given_up, CONCESSIONS.len());
        assert!(!able.extras && !able.sampling && !able.seed && able.top == 0);
    }
}
