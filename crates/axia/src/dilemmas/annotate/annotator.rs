//! Whoever is asked about posts.

use super::answer::{object, schema};
use crate::remote::{ChatModel, ChatOptions, Reach, RemoteError, ResponseFormat};
use crate::respondent::{Prompt, Reply, Respondent, RespondentError};
use axia_engine::EngineError;
use axia_engine::chat::ChatMessage;
use axia_engine::generate::Sampling;
use std::sync::atomic::{AtomicBool, Ordering};

/// A model that answers in chat.
pub trait Annotator: Sync {
    /// The reply to `question`, one message of the user.
    ///
    /// # Errors
    /// [`AnnotatorError`]; soon after `cancel` becomes true, one that is a cancellation.
    fn reply(
        &self,
        question: &str,
        draw: &Draw,
        cancel: &AtomicBool,
    ) -> Result<String, AnnotatorError>;
}

/// How a reply is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// Sampling temperature; 0 takes the likeliest token.
    pub temperature: f64,
    /// Seed of this reply; below 2^31, which every server takes.
    pub seed: u64,
    /// Most tokens of the reply.
    pub max_tokens: usize,
}

/// Why an annotator could not reply.
#[derive(Debug, thiserror::Error)]
pub enum AnnotatorError {
    /// A server failed.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The embedded model failed.
    #[error(transparent)]
    Respondent(#[from] RespondentError),
}

impl AnnotatorError {
    /// How much the failure spoils.
    #[must_use]
    pub fn reach(&self) -> Reach {
        match self {
            Self::Remote(error) => error.reach(),
            Self::Respondent(_) => Reach::Server,
        }
    }

    /// Whether the user asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self,
            Self::Remote(RemoteError::Cancelled)
                | Self::Respondent(RespondentError::Engine(EngineError::Cancelled))
        )
    }
}

/// Asks a model of a server, for JSON of the right shape where the server can see to that.
pub struct RemoteAnnotator {
    model: ChatModel,
    format: ResponseFormat,
}

impl RemoteAnnotator {
    /// An annotator that asks `model`.
    #[must_use]
    pub fn new(model: ChatModel) -> Self {
        let format = ResponseFormat::JsonSchema { name: "annotation".to_owned(), schema: schema() };
        Self { model, format }
    }
}

impl Annotator for RemoteAnnotator {
    fn reply(
        &self,
        question: &str,
        draw: &Draw,
        cancel: &AtomicBool,
    ) -> Result<String, AnnotatorError> {
        let options = ChatOptions {
            temperature: Some(draw.temperature),
            max_tokens: Some(draw.max_tokens),
            seed: Some(draw.seed),
            response_format: Some(self.format.clone()),
            ..ChatOptions::default()
        };
        let reply = self.model.reply(&[ChatMessage::user(question)], &options, cancel)?;
        Ok(reply.text)
    }
}

/// How every usable answer begins: small models are kept from chatting first.
const BEGINNING: &str = "{";

/// Asks a respondent in its chat format.
///
/// The embedded engine uses all cores for one reply, so one worker is best.
pub struct RespondentAnnotator<'a> {
    respondent: &'a (dyn Respondent + Sync),
}

impl<'a> RespondentAnnotator<'a> {
    /// An annotator that asks `respondent`.
    #[must_use]
    pub fn new(respondent: &'a (dyn Respondent + Sync)) -> Self {
        Self { respondent }
    }
}

impl Annotator for RespondentAnnotator<'_> {
    fn reply(
        &self,
        question: &str,
        draw: &Draw,
        cancel: &AtomicBool,
    ) -> Result<String, AnnotatorError> {
        let reply = Reply {
            prompt: Prompt::Chat {
                system: None,
                question: question.to_owned(),
                answer: BEGINNING.to_owned(),
            },
            sampling: Sampling { temperature: draw.temperature, ..Sampling::GREEDY },
            seed: draw.seed,
            max_tokens: draw.max_tokens,
        };
        let cancelled = || cancel.load(Ordering::Relaxed);
        let whole = |text: &str| format!("{BEGINNING}{text}");
        let done = |text: &str| cancelled() || object(&whole(text)).is_some();
        let replies = self.respondent.reply(&[reply], &done, &mut |_| !cancelled())?;
        Ok(replies.first().map(|text| whole(text)).unwrap_or_default())
    }
}
