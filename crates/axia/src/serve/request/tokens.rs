//! `POST /tokenize` and `POST /detokenize`

use super::chat::chat_tokens;
use super::fields::Fields;
use crate::serve::error::ApiError;
use crate::serve::service::Service;

/// Text that was turned into tokens.
pub(in crate::serve) struct Tokenize {
    pub tokens: Vec<u32>,
    /// Whether their texts are wanted too.
    pub with_texts: bool,
}

impl Tokenize {
    /// Reads a request: a prompt or a chat.
    pub fn read(service: &Service, body: &[u8]) -> Result<Self, ApiError> {
        let fields = Fields::read(body)?;
        service.members.find(fields.get::<String>("model")?.as_deref())?;
        let with_texts = fields.flag("return_token_strs")?;
        if let Some(messages) = fields.get("messages")? {
            let is_answered = fields.get("add_generation_prompt")?.unwrap_or(true);
            let tokens = chat_tokens(service, messages, is_answered)?;
            return Ok(Self { tokens, with_texts });
        }
        let text: String = fields.need("prompt")?;
        let tokens = match fields.get("add_special_tokens")?.unwrap_or(true) {
            true => service.tokenizer().encode_framed(&text),
            false => service.tokenizer().encode(&text),
        };
        let tokens = tokens.map_err(|error| ApiError::field("prompt", error.to_string()))?;
        Ok(Self { tokens, with_texts })
    }
}

/// Tokens that were turned into text.
pub(in crate::serve) struct Detokenize(pub String);

impl Detokenize {
    /// Reads a request.
    pub fn read(service: &Service, body: &[u8]) -> Result<Self, ApiError> {
        let fields = Fields::read(body)?;
        service.members.find(fields.get::<String>("model")?.as_deref())?;
        let tokens: Vec<u32> = fields.need("tokens")?;
        let vocab = service.members.model().decoder().config().vocab_size;
        if let Some(token) = tokens.iter().find(|&&token| token as usize >= vocab) {
            let problem = format!("token id {token} is beyond the vocabulary of {vocab}");
            return Err(ApiError::field("tokens", problem));
        }
        let text = service.tokenizer().decode(&tokens, false);
        text.map(Self).map_err(|error| ApiError::field("tokens", error.to_string()))
    }
}
