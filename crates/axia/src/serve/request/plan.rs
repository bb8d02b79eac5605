//! What is to be done for a request.

use super::drawing::Drawing;
use crate::serve::routes::ApiError;
use crate::serve::service::Service;
use axia_engine::generate::{Request, Sampling};
use axia_engine::score::Text;

/// Most choices of one request, over all its prompts.
const MAX_CHOICES: usize = 2048;

/// Which of the two ways of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Kind {
    Completion,
    Chat,
}

/// A prompt.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::serve) struct Prompt {
    pub tokens: Vec<u32>,
    /// Its text, where it is to be repeated.
    pub text: String,
}

/// A request that makes sense.
#[derive(Debug)]
pub(in crate::serve) struct Plan {
    pub kind: Kind,
    pub member: usize,
    pub prompts: Vec<Prompt>,
    /// Choices for each prompt.
    pub count: usize,
    /// Most tokens of each.
    pub max_tokens: usize,
    /// Of every token, how many rivals are told; nothing is told at all where that is none.
    pub top: Option<usize>,
    /// Whether answers begin with the prompt.
    pub echo: bool,
    pub stop: Vec<String>,
    pub stream: bool,
    pub include_usage: bool,
    sampling: Sampling,
    seed: u64,
}

/// What a plan says besides how replies are drawn.
pub(super) struct Asked {
    pub kind: Kind,
    pub member: usize,
    pub prompts: Vec<Prompt>,
    /// Most tokens of a reply, or as many as there is room for, but no more than usual.
    pub max_tokens: Option<usize>,
    pub top: Option<usize>,
    pub echo: bool,
}

impl Plan {
    /// Checks that all of it can be done.
    pub(super) fn new(service: &Service, asked: Asked, drawing: Drawing) -> Result<Self, ApiError> {
        let Asked { kind, member, prompts, max_tokens, top, echo } = asked;
        let choices = prompts.len() * drawing.count;
        if prompts.is_empty() {
            return Err(ApiError::field("prompt", "`prompt` is an empty list"));
        }
        if choices > MAX_CHOICES {
            let problem =
                format!("the request asks for {choices} choices; {MAX_CHOICES} are possible");
            return Err(ApiError::invalid(problem));
        }
        let longest = prompts.iter().map(|prompt| prompt.tokens.len()).max().unwrap_or(0);
        let context = service.members.context();
        let usual = service.settings.reply_tokens.min(context.saturating_sub(longest)).max(1);
        let max_tokens = max_tokens.unwrap_or(usual);
        let vocab = service.members.model().decoder().config().vocab_size;
        for (index, Prompt { tokens, .. }) in prompts.iter().enumerate() {
            let which = match prompts.len() {
                1 => "the prompt".to_owned(),
                _ => format!("prompt {}", index + 1),
            };
            if tokens.is_empty() {
                return Err(ApiError::field("prompt", format!("{which} has no token")));
            }
            if tokens.len().saturating_add(max_tokens) > context {
                return Err(ApiError::context(format!(
                    "{which} has {} tokens and asks for {max_tokens} more, but the model reads {context}",
                    tokens.len()
                )));
            }
            if let Some(token) = tokens.iter().find(|&&token| token as usize >= vocab) {
                let problem = format!(
                    "{which} has token id {token}, but the vocabulary ends at {}",
                    vocab - 1
                );
                return Err(ApiError::field("prompt", problem));
            }
        }
        let Drawing { sampling, seed, count, stop, stream, include_usage } = drawing;
        Ok(Self {
            kind,
            member,
            prompts,
            count,
            max_tokens,
            top,
            echo,
            stop,
            stream,
            include_usage,
            sampling,
            seed,
        })
    }

    /// Choices in all.
    pub fn choices(&self) -> usize {
        self.prompts.len() * self.count
    }

    /// The prompt of a choice.
    pub fn prompt(&self, choice: usize) -> &Prompt {
        &self.prompts[choice / self.count]
    }

    /// The seed of a choice: that of the same choice of the same prompt asked alone.
    fn seed(&self, choice: usize) -> u64 {
        self.seed.wrapping_add((choice % self.count) as u64)
    }

    /// Whether the prompt's own tokens are to be read, which comes before all else.
    pub fn reads_prompt(&self) -> bool {
        self.echo && self.top.is_some()
    }

    /// Reading the prompt. A single further token is drawn in passing.
    pub fn reading(&self, choice: usize) -> Text {
        let next = (self.max_tokens == 1).then(|| (self.sampling, self.seed(choice)));
        let tokens = self.prompt(choice).tokens.clone();
        Text { tokens, top: self.top.unwrap_or(0), next }
    }

    /// Continuing the prompt.
    pub fn continuation(&self, choice: usize) -> Request {
        Request {
            prompt: self.prompt(choice).tokens.clone(),
            sampling: self.sampling,
            seed: self.seed(choice),
            max_tokens: self.max_tokens,
        }
    }
}
