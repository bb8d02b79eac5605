//! `POST /v1/chat/completions`

use super::drawing::Drawing;
use super::drawing::Fields;
use super::plan::{Asked, Kind, Plan, Prompt};
use super::prompts::{PromptInput, Prompts};
use crate::serve::routes::ApiError;
use crate::serve::service::Service;
use axia_engine::chat::{ChatMessage, Role};
use serde::Deserialize;
use serde_json::Value;

/// A message as clients send it.
#[derive(Deserialize)]
pub(super) struct Message {
    role: String,
    content: Option<Value>,
}

impl Plan {
    /// Reads the body of a chat.
    pub fn chat(service: &Service, body: &[u8]) -> Result<Self, ApiError> {
        let fields = Fields::read(body)?;
        let member = service.members.find(fields.get::<String>("model")?.as_deref())?;
        let is_empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
        fields.refuse("tools", is_empty)?;
        fields.refuse("functions", is_empty)?;
        let drawing = Drawing::read(&fields)?;
        let tokens = chat_tokens(service, fields.need("messages")?, true)?;
        let top = fields.number("top_logprobs", 0..=MAX_TOP)?;
        let told = fields.flag("logprobs")?;
        if top.is_some() && !told {
            let problem = "`top_logprobs` is only told with `logprobs` true";
            return Err(ApiError::field("top_logprobs", problem));
        }
        let max_tokens = match fields.get("max_completion_tokens")? {
            Some(most) => Some(most),
            None => fields.get("max_tokens")?,
        };
        let asked = Asked {
            kind: Kind::Chat,
            member,
            prompts: vec![Prompt { tokens, text: String::new() }],
            max_tokens,
            top: told.then_some(top.unwrap_or(0)),
            echo: false,
        };
        Self::new(service, asked, drawing)
    }
}

/// The token ids of a chat up to where the model answers, or to its end. Special tokens that are
/// written out in messages are made inert, so that no message ends its turn.
pub(super) fn chat_tokens(
    service: &Service,
    messages: Vec<Message>,
    is_answered: bool,
) -> Result<Vec<u32>, ApiError> {
    let wrong = |problem: String| ApiError::field("messages", problem);
    if messages.is_empty() {
        return Err(wrong("`messages` is an empty list".to_owned()));
    }
    let tokenizer = service.tokenizer();
    let mut chat = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        let role = match message.role.as_str() {
            "system" | "developer" => Role::System,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "tool" => Role::Tool,
            other => {
                let problem = format!(
                    "message {} has the role `{other}`; use system, user, assistant or tool",
                    index + 1
                );
                return Err(wrong(problem));
            }
        };
        let content = content(message.content)
            .map_err(|problem| wrong(format!("message {} {problem}", index + 1)))?;
        chat.push(ChatMessage::new(role, tokenizer.inert(&content)));
    }
    let text = service.members.template()?.render(&chat, is_answered);
    let text = text.map_err(|error| wrong(error.to_string()))?;
    tokenizer.encode(&text).map_err(|error| wrong(error.to_string()))
}

/// The text of a message: a string, or parts of the type "text".
fn content(content: Option<Value>) -> Result<String, &'static str> {
    match content {
        Some(Value::String(text)) => Ok(text),
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().map(|part| match part["type"] == "text" {
                true => part["text"].as_str().ok_or("has a part without text"),
                false => Err("has a part that is no text; only texts are read"),
            });
            texts.collect()
        }
        Some(_) => Err("has a content that is neither a text nor a list of parts"),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn contents_are_texts_or_lists_of_them() {
        let read = |value: Value| content(Some(value));
        assert_eq!(read(json!("a")).unwrap(), "a");
        let parts = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
        assert_eq!(read(parts).unwrap(), "ab");
        assert_eq!(content(None).unwrap(), "");
        for wrong in
            [json!(7), json!([{"type": "image_url"}]), json!([{"type": "text"}]), json!([1])]
        {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
