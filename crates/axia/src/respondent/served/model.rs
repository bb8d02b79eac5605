//! The respondent.

use super::account::{Account, Captured, Finding, State};
use super::asking::Abilities;
use super::asking::Asking;
use super::cache::AnswerCache;
use super::probe::{Probe, context};
use super::wording::Draw;
use super::{ServedError, answer, first_token, prompt_logprobs};
use crate::remote::{Client, RemoteError, each};
use crate::respondent::{Progress, Prompt, Reply, Respondent, RespondentError, Scoring};
use crate::text::neutralise;
use axia_engine::EngineError;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

/// Bytes a token is taken to have, where only the server knows: English has a little more.
const BYTES_PER_TOKEN: usize = 4;
/// What counts as nothing, where a logarithm has to be finite to be written down: 10⁻¹³.
const NOTHING: f64 = -30.0;

/// Whether a model is asked in plain text or in chats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Text to be continued, through `/completions`.
    Plain,
    /// A user's turn, through `/chat/completions`; the server applies its own template.
    Chat,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain text",
            Self::Chat => "chats",
        })
    }
}

impl Shape {
    pub(super) const fn alternative(self) -> &'static str {
        match self {
            Self::Plain => {
                "check the model's name, or ask in chats (--chat), which is all that many servers \
                 take"
            }
            Self::Chat => "check the model's name, or ask in plain text (without --chat)",
        }
    }
}

/// How candidates are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// By the log-probabilities of their own tokens behind the prompt: exact.
    PromptLogprobs,
    /// By the likeliest first tokens of an answer.
    FirstToken,
    /// By counting among so many sampled answers.
    Samples(usize),
}

impl Method {
    /// In words.
    pub fn describe(self) -> String {
        match self {
            Self::PromptLogprobs => "the log-probabilities of each candidate's tokens".to_owned(),
            Self::FirstToken => "the likeliest first tokens of the answer".to_owned(),
            Self::Samples(n) => format!("counting among {n} sampled answers"),
        }
    }
}

/// Which method is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MethodChoice {
    /// The best that the probes allow.
    Best,
    /// This one or none.
    PromptLogprobs,
    /// This one or none.
    FirstToken,
    /// This one or none.
    Samples,
}

/// How a served model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServedSettings {
    /// In plain text or in chats. Prompts of the other kind are errors of the caller, and go to the
    /// endpoint that was not probed.
    pub shape: Shape,
    /// How candidates are to be scored.
    pub method: MethodChoice,
    /// Answers a question, where they are counted.
    pub samples: usize,
    /// Questions under way at once.
    pub workers: usize,
}

/// A model behind an OpenAI-compatible server.
pub struct Served {
    asking: Asking,
    settings: ServedSettings,
    method: Method,
    context: Option<usize>,
    probes: Vec<Finding>,
    /// Probability captured, question by question.
    masses: Mutex<Vec<f64>>,
}

/// What came of one question.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Scored {
    /// Log-likelihoods of the candidates.
    pub(super) logs: Vec<f64>,
    /// Probability of all together.
    pub(super) captured: f64,
}

impl Scored {
    pub(super) fn from_masses(masses: &[f64], captured: f64) -> Self {
        let logs = masses.iter().map(|mass| mass.ln().max(NOTHING)).collect();
        // Lists may add up to a little more than one.
        Self { logs, captured: captured.min(1.0) }
    }
}

impl Served {
    /// Probes what the server can do with `model`, and settles on a method.
    ///
    /// # Errors
    /// [`ServedError`]: no connection, no such endpoint or model, a server that answers everything
    /// alike, or a method that the probes speak against.
    pub fn connect(
        client: Client,
        model: impl Into<String>,
        cache: AnswerCache,
        settings: ServedSettings,
        cancel: &AtomicBool,
    ) -> Result<Self, ServedError> {
        let asking = Asking { client, model: model.into(), cache, abilities: Abilities::hoped() };
        let Probe { asking, findings } = Probe::run(asking, settings.shape, cancel)?;
        let method = choose(&asking.abilities, settings, &findings)?;
        let context = context(&asking, cancel)?;
        let masses = Mutex::default();
        Ok(Self { asking, settings, method, context, probes: findings, masses })
    }

    /// How everything so far was obtained.
    pub fn account(&self) -> Account {
        let masses = self.masses.lock().unwrap_or_else(PoisonError::into_inner);
        Account {
            url: self.asking.client.address().to_string(),
            model: self.asking.model.clone(),
            shape: self.settings.shape,
            scoring: self.method,
            context: self.context,
            captured: Captured::new(&masses),
            probes: self.probes.clone(),
        }
    }

    fn score_one(&self, question: &Scoring, cancel: &AtomicBool) -> Result<Scored, ServedError> {
        match (self.method, self.asking.abilities.echo) {
            (Method::PromptLogprobs, Some(form)) => {
                prompt_logprobs::score(&self.asking, question, form, cancel)
            }
            (Method::Samples(samples), _) => answer::score(&self.asking, question, samples, cancel),
            _ => first_token::score(&self.asking, question, cancel),
        }
    }

    /// Does `work` on all items, some at once; results in the order of the items.
    fn all<T: Sync, R: Send>(
        &self,
        items: &[T],
        progress: Progress,
        work: impl Fn(&T, &AtomicBool) -> Result<R, ServedError> + Sync,
    ) -> Result<Vec<R>, RespondentError> {
        let cancel = AtomicBool::new(false);
        let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
        let mut done = 0;
        let numbered = items.iter().enumerate();
        let work = |(i, item)| (i, work(item, &cancel));
        let flow = each(self.settings.workers, numbered, &cancel, work, |result| {
            match result {
                Some((i, Ok(found))) => {
                    results[i] = Some(found);
                    done += 1;
                }
                Some((_, Err(error))) => return ControlFlow::Break(error),
                None => {}
            }
            match progress(done) {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(RemoteError::Cancelled.into()),
            }
        });
        match flow {
            ControlFlow::Break(error) => Err(error.into()),
            ControlFlow::Continue(()) => Ok(results.into_iter().flatten().collect()),
        }
    }
}

/// The method wanted, if the probes allow it.
fn choose(
    able: &Abilities,
    settings: ServedSettings,
    findings: &[Finding],
) -> Result<Method, ServedError> {
    let samples = Method::Samples(settings.samples);
    let (method, possible, probe) = match settings.method {
        MethodChoice::Best => {
            return Ok(match (able.echo, able.top) {
                (Some(_), _) => Method::PromptLogprobs,
                (None, 0) => samples,
                (None, _) => Method::FirstToken,
            });
        }
        MethodChoice::PromptLogprobs => (Method::PromptLogprobs, able.echo.is_some(), "prompt"),
        MethodChoice::FirstToken => (Method::FirstToken, able.top > 0, "first token"),
        MethodChoice::Samples => (samples, true, ""),
    };
    if possible {
        return Ok(method);
    }
    let found = findings.iter().filter(|f| f.about.starts_with(probe) && f.state != State::Works);
    let reasons: Vec<&str> = found.map(|finding| finding.found.as_str()).collect();
    let method = match method {
        Method::PromptLogprobs => "prompt-logprobs",
        Method::FirstToken => "first-token",
        Method::Samples(_) => "samples",
    };
    Err(ServedError::Unusable { method, reason: reasons.join("; ") })
}

impl From<ServedError> for RespondentError {
    fn from(error: ServedError) -> Self {
        match error {
            ServedError::Remote(RemoteError::Cancelled) => EngineError::Cancelled.into(),
            error => Self::Served(error),
        }
    }
}

impl Respondent for Served {
    fn score(
        &self,
        questions: &[Scoring],
        progress: Progress,
    ) -> Result<Vec<Vec<f64>>, RespondentError> {
        let scored = self.all(questions, progress, |q, cancel| self.score_one(q, cancel))?;
        let mut masses = self.masses.lock().unwrap_or_else(PoisonError::into_inner);
        masses.extend(scored.iter().map(|scored| scored.captured));
        Ok(scored.into_iter().map(|scored| scored.logs).collect())
    }

    /// Nothing where the server does not say.
    fn context(&self) -> Option<usize> {
        self.context
    }

    /// An estimate: a token for every four bytes.
    fn tokens(&self, prompt: &Prompt) -> Result<usize, RespondentError> {
        let bytes = match prompt {
            Prompt::Plain(text) => text.len(),
            Prompt::Chat { system, question, answer } => {
                system.as_deref().map_or(0, str::len) + question.len() + answer.len()
            }
        };
        Ok(bytes.div_ceil(BYTES_PER_TOKEN))
    }

    /// Whatever looks like a control token of any model is broken up.
    fn inert<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match neutralise(text) {
            (neutral, true) => Cow::Owned(neutral),
            (_, false) => Cow::Borrowed(text),
        }
    }

    /// Whole replies of at most `max_tokens`: a server cannot be told when one suffices.
    fn reply(
        &self,
        questions: &[Reply],
        _done: &dyn Fn(&str) -> bool,
        progress: Progress,
    ) -> Result<Vec<String>, RespondentError> {
        self.all(questions, progress, |question, cancel| {
            let Reply { prompt, sampling, seed, max_tokens } = question;
            let (sampling, seed, max_tokens) = (*sampling, *seed, *max_tokens);
            let draw = Draw { sampling, seed, max_tokens, top: false };
            let answer = self.asking.answer(&self.asking.generate(prompt, draw), cancel)?;
            Ok(self.asking.added(prompt, &answer.text).to_owned())
        })
    }
}
