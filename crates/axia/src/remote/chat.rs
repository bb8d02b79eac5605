//! Asking a model through `POST /v1/chat/completions`.

use std::sync::atomic::{AtomicBool, Ordering};

use axia_engine::chat::ChatMessage;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Client, RemoteError};
use crate::text::one_line;

const PATH: &str = "/chat/completions";
/// Words by which a server that cannot keep to a `response_format` names what it dislikes.
const FORMAT_WORDS: [&str; 4] = ["response_format", "json_object", "schema", "grammar"];

/// One model of a server.
pub struct ChatModel {
    client: Client,
    model: String,
    /// Whether the server has refused a response format; then none is sent any more.
    format_refused: AtomicBool,
}

/// How a reply is drawn; what is `None` is left to the server.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChatOptions {
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Most tokens of the reply.
    pub max_tokens: Option<usize>,
    /// Seed of the reply, for servers that heed it.
    pub seed: Option<u64>,
    /// Texts that end the reply.
    pub stop: Vec<String>,
    /// The shape of the reply. A server that rejects the request for it is asked without, and
    /// from then on always.
    pub response_format: Option<ResponseFormat>,
}

/// A shape of JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum ResponseFormat {
    /// Any object.
    JsonObject,
    /// An object that obeys a JSON schema.
    JsonSchema {
        /// Name of the schema.
        name: String,
        /// The schema.
        schema: Value,
    },
}

/// What a model said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatReply {
    /// The text of the first choice.
    pub text: String,
    /// Why it ended: `stop`, `length`, ….
    pub finish_reason: Option<String>,
}

impl ChatModel {
    /// The model that the server of `client` calls `model`.
    #[must_use]
    pub fn new(client: Client, model: impl Into<String>) -> Self {
        Self { client, model: model.into(), format_refused: AtomicBool::new(false) }
    }

    /// The model's reply to `messages`.
    ///
    /// # Errors
    /// [`RemoteError`]; [`RemoteError::Malformed`] for a reply without text.
    pub fn reply(
        &self,
        messages: &[ChatMessage],
        options: &ChatOptions,
        cancel: &AtomicBool,
    ) -> Result<ChatReply, RemoteError> {
        let format = options
            .response_format
            .as_ref()
            .filter(|_| !self.format_refused.load(Ordering::Relaxed));
        let ask = |format| {
            let request = self.request(messages, options, format);
            self.client.post::<_, Response>(PATH, &request, cancel)
        };
        let response = match ask(format) {
            Err(error) if format.is_some() && is_about_format(&error) => {
                self.format_refused.store(true, Ordering::Relaxed);
                ask(None)
            }
            response => response,
        }?;
        self.read(response)
    }

    fn request(
        &self,
        messages: &[ChatMessage],
        options: &ChatOptions,
        format: Option<&ResponseFormat>,
    ) -> Value {
        let optional = [
            ("temperature", options.temperature.map(Value::from)),
            ("top_p", options.top_p.map(Value::from)),
            ("max_tokens", options.max_tokens.map(Value::from)),
            ("seed", options.seed.map(Value::from)),
            ("stop", (!options.stop.is_empty()).then(|| json!(options.stop))),
            ("response_format", format.map(ResponseFormat::to_json)),
        ];
        let mut request = json!({"model": self.model, "messages": messages, "stream": false});
        for (name, value) in optional {
            if let Some(value) = value {
                request[name] = value;
            }
        }
        request
    }

    fn read(&self, response: Response) -> Result<ChatReply, RemoteError> {
        let malformed =
            |problem| RemoteError::Malformed { url: self.client.endpoint(PATH), problem };
        let Some(choice) = response.choices.into_iter().next() else {
            return Err(malformed("its list of choices is empty".to_owned()));
        };
        let reason = choice.finish_reason;
        match choice.message.content {
            Some(text) if !text.trim().is_empty() => Ok(ChatReply { text, finish_reason: reason }),
            _ => Err(malformed(match (choice.message.refusal, reason) {
                (Some(refusal), _) => format!("the model refused: \"{}\"", one_line(&refusal, 200)),
                (None, Some(reason)) => {
                    format!("a reply without text, finished for `{}`", one_line(&reason, 40))
                }
                (None, None) => "a reply without text".to_owned(),
            })),
        }
    }
}

impl ResponseFormat {
    fn to_json(&self) -> Value {
        match self {
            Self::JsonObject => json!({"type": "json_object"}),
            Self::JsonSchema { name, schema } => json!({
                "type": "json_schema",
                "json_schema": {"name": name, "strict": true, "schema": schema},
            }),
        }
    }
}

fn is_about_format(error: &RemoteError) -> bool {
    let RemoteError::Rejected { said, .. } = error else { return false };
    let said = said.to_ascii_lowercase();
    FORMAT_WORDS.iter().any(|word| said.contains(word))
}

#[derive(Deserialize)]
struct Response {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}
