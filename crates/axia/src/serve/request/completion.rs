//! `POST /v1/completions`

use super::drawing::Drawing;
use super::fields::Fields;
use super::plan::{Asked, Kind, Plan, Prompt};
use super::prompts::{PromptInput, Prompts};
use crate::serve::error::ApiError;
use crate::serve::service::Service;

/// Tokens of a completion where the request does not say, as OpenAI has it.
const USUAL_TOKENS: usize = 16;
/// Most rivals told of a token.
pub(super) const MAX_TOP: usize = 20;

impl Plan {
    /// Reads the body of a completion.
    pub fn completion(service: &Service, body: &[u8]) -> Result<Self, ApiError> {
        let fields = Fields::read(body)?;
        let member = service.members.find(fields.get::<String>("model")?.as_deref())?;
        fields.refuse("suffix", |suffix| suffix.as_str() == Some(""))?;
        let drawing = Drawing::read(&fields)?;
        fields.refuse("best_of", |best| best.as_u64() == Some(drawing.count as u64))?;
        let framed = fields.get("add_special_tokens")?.unwrap_or(true);
        let Prompts(prompts) = fields.need("prompt")?;
        let prompts = prompts.into_iter().map(|prompt| read_prompt(service, prompt, framed));
        let asked = Asked {
            kind: Kind::Completion,
            member,
            prompts: prompts.collect::<Result<_, _>>()?,
            max_tokens: Some(fields.get("max_tokens")?.unwrap_or(USUAL_TOKENS)),
            top: fields.number("logprobs", 0..=MAX_TOP)?,
            echo: fields.flag("echo")?,
        };
        Self::new(service, asked, drawing)
    }
}

fn read_prompt(service: &Service, prompt: PromptInput, framed: bool) -> Result<Prompt, ApiError> {
    let tokenizer = service.tokenizer();
    let wrong = |error| ApiError::field("prompt", format!("{error}"));
    match prompt {
        PromptInput::Ids(tokens) => {
            let text = tokenizer.decode(&tokens, false).map_err(wrong)?;
            Ok(Prompt { tokens, text })
        }
        PromptInput::Text(text) => {
            let tokens = match framed {
                true => tokenizer.encode_framed(&text),
                false => tokenizer.encode(&text),
            };
            Ok(Prompt { tokens: tokens.map_err(wrong)?, text })
        }
    }
}
