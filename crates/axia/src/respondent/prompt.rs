//! What a respondent reads.

use super::RespondentError;
use axia_engine::Model;
use axia_engine::chat::{ChatError, ChatMessage, ChatTemplate};

/// A question in one of two shapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// Text to be continued as it stands.
    Plain(String),
    /// A user's turn in the model's chat format, and the beginning of the answer.
    Chat {
        /// What the model is told before; a template without a place for it gets it at the head of
        /// the question.
        system: Option<String>,
        /// The user's message.
        question: String,
        /// Text that the answer already begins with.
        answer: String,
    },
}

/// Turns prompts into token ids; reads the chat template once, when first needed.
pub struct PromptReader<'a> {
    model: &'a Model,
    template: Option<ChatTemplate>,
}

impl<'a> PromptReader<'a> {
    /// A reader for `model`.
    pub fn new(model: &'a Model) -> Self {
        Self { model, template: None }
    }

    /// The token ids of a prompt.
    ///
    /// # Errors
    /// [`RespondentError::Chat`] where the model has no usable chat template.
    pub fn ids(&mut self, prompt: &Prompt) -> Result<Vec<u32>, RespondentError> {
        match prompt {
            Prompt::Plain(text) => self.begin(text),
            Prompt::Chat { system, question, answer } => {
                let template = match self.template.take() {
                    Some(template) => template,
                    None => self.model.chat_template()?,
                };
                let text = render(&template, system.as_deref(), question)?;
                self.template = Some(template);
                self.encode(&(text + answer))
            }
        }
    }

    /// The token ids of a text to be continued, with the token that begins one where the model wants it:
    /// a chat template writes it out itself.
    fn begin(&self, text: &str) -> Result<Vec<u32>, RespondentError> {
        let ids = self.model.tokenizer().encode_prompt(text);
        Ok(ids.map_err(axia_engine::EngineError::from)?)
    }

    /// The token ids of a text, as it stands.
    ///
    /// # Errors
    /// [`RespondentError::Engine`] where the tokenizer fails.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, RespondentError> {
        let ids = self.model.tokenizer().encode(text);
        Ok(ids.map_err(axia_engine::EngineError::from)?)
    }
}

/// The conversation up to where the model answers.
fn render(
    template: &ChatTemplate,
    system: Option<&str>,
    question: &str,
) -> Result<String, ChatError> {
    let Some(system) = system else {
        return template.render(&[ChatMessage::user(question)], true);
    };
    let both = [ChatMessage::system(system), ChatMessage::user(question)];
    // Some templates refuse a system's turn, and some forget it.
    match template.render(&both, true) {
        Ok(text) if text.contains(system.trim()) => Ok(text),
        _ => template.render(&[ChatMessage::user(format!("{system}\n\n{question}"))], true),
    }
}
