//! A model behind an OpenAI-compatible server.

use std::sync::atomic::AtomicBool;

use axia_engine::chat::ChatMessage;

use super::answer::schema;
use super::{Annotator, AnnotatorError, Draw};
use crate::remote::{ChatModel, ChatOptions, ResponseFormat};

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
