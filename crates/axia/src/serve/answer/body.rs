//! An answer in one piece.

use super::reader::{Piece, Token};
use crate::serve::request::{Kind, Plan};
use crate::serve::service::{Service, now};
use axia_engine::score::Reading;
use serde_json::{Map, Value, json};

/// An answer as it comes together.
pub(in crate::serve) struct Answer<'a> {
    service: &'a Service,
    plan: &'a Plan,
    id: String,
    created: u64,
    choices: Vec<Piece>,
    drawn: usize,
}

impl<'a> Answer<'a> {
    pub fn new(service: &'a Service, plan: &'a Plan) -> Self {
        let prefix = if plan.kind == Kind::Chat { "chatcmpl" } else { "cmpl" };
        let id = format!("{prefix}-{:x}-{:x}", service.started, service.number());
        let choices = vec![Piece::default(); plan.choices()];
        Self { service, plan, id, created: now(), choices, drawn: 0 }
    }

    /// Adds a piece to a choice.
    pub fn add(&mut self, choice: usize, piece: Piece) {
        self.drawn += piece.drawn;
        if let Some(whole) = self.choices.get_mut(choice) {
            whole.text += &piece.text;
            whole.tokens.extend(piece.tokens);
            whole.finish = piece.finish;
        }
    }

    /// Counts the tokens of a piece that is sent by itself.
    pub fn count(&mut self, piece: &Piece) {
        self.drawn += piece.drawn;
    }

    /// The whole answer.
    pub fn whole(&self) -> Value {
        let choices: Vec<Value> = self.choices.iter().enumerate().map(|c| self.choice(c)).collect();
        let mut body = match self.plan.kind {
            Kind::Chat => self.body("chat.completion", choices),
            Kind::Completion => self.body("text_completion", choices),
        };
        body["usage"] = self.usage();
        body
    }

    fn choice(&self, (index, piece): (usize, &Piece)) -> Value {
        let finish = piece.finish.map(|finish| finish.name());
        let log_probs = self.log_probs(piece);
        match self.plan.kind {
            Kind::Chat => {
                let message = json!({"role": "assistant", "content": piece.text, "refusal": null});
                json!({"index": index, "message": message, "logprobs": log_probs, "finish_reason": finish})
            }
            Kind::Completion => {
                let text = &piece.text;
                json!({"index": index, "text": text, "logprobs": log_probs, "finish_reason": finish})
            }
        }
    }

    /// A part of the answer as it is streamed.
    pub fn part(&self, index: usize, piece: &Piece) -> Value {
        let finish = piece.finish.map(|finish| finish.name());
        match self.plan.kind {
            Kind::Completion => self.body("text_completion", vec![self.choice((index, piece))]),
            Kind::Chat => {
                let delta = match piece.text.is_empty() {
                    true => json!({}),
                    false => json!({"content": piece.text}),
                };
                self.chat_part(index, delta, self.log_probs(piece), finish)
            }
        }
    }

    /// What a streamed chat begins with.
    pub fn opening(&self, index: usize) -> Value {
        let delta = json!({"role": "assistant", "content": ""});
        self.chat_part(index, delta, Value::Null, None)
    }

    fn chat_part(
        &self,
        index: usize,
        delta: Value,
        log_probs: Value,
        finish: Option<&'static str>,
    ) -> Value {
        let choice =
            json!({"index": index, "delta": delta, "logprobs": log_probs, "finish_reason": finish});
        self.body("chat.completion.chunk", vec![choice])
    }

    /// What a stream ends with where the request asked for it.
    pub fn closing(&self) -> Value {
        let object = match self.plan.kind {
            Kind::Chat => "chat.completion.chunk",
            Kind::Completion => "text_completion",
        };
        let mut body = self.body(object, Vec::new());
        body["usage"] = self.usage();
        body
    }

    fn body(&self, object: &str, choices: Vec<Value>) -> Value {
        let model = self.service.members.names().get(self.plan.member);
        json!({
            "id": self.id, "object": object, "created": self.created, "model": model,
            "choices": choices,
        })
    }

    fn log_probs(&self, piece: &Piece) -> Value {
        match self.plan.kind {
            _ if self.plan.top.is_none() => Value::Null,
            Kind::Chat => of_chat(self.service, &piece.tokens),
            Kind::Completion => of_completion(self.service, &piece.tokens),
        }
    }

    fn usage(&self) -> Value {
        let prompt: usize = self.plan.prompts.iter().map(|prompt| prompt.tokens.len()).sum();
        json!({
            "prompt_tokens": prompt,
            "completion_tokens": self.drawn,
            "total_tokens": prompt + self.drawn,
        })
    }
}

/// The shape of completions: parallel lists.
pub(super) fn of_completion(service: &Service, tokens: &[Token]) -> Value {
    let reading = |token: &Token| token.reading.clone();
    let names: Vec<String> = tokens.iter().map(|token| service.word(token.id).name).collect();
    let log_probs: Vec<Option<f32>> =
        tokens.iter().map(|token| reading(token).map(|reading| reading.log_prob)).collect();
    let top: Vec<Option<Map<String, Value>>> =
        tokens.iter().map(|token| token.reading.as_ref().map(|r| rivals(service, r))).collect();
    let offsets: Vec<usize> = tokens.iter().map(|token| token.offset).collect();
    json!({
        "tokens": names,
        "token_logprobs": log_probs,
        "top_logprobs": top,
        "text_offset": offsets,
    })
}

/// The likeliest tokens, and the token itself, by name. Of two that share a name the likelier one
/// is told.
fn rivals(service: &Service, reading: &Reading) -> Map<String, Value> {
    let mut rivals = Map::new();
    for &(token, log_prob) in reading.top.iter().chain([&(reading.token, reading.log_prob)]) {
        rivals.entry(service.word(token).name).or_insert_with(|| json!(log_prob));
    }
    rivals
}

/// The shape of chats: a list of tokens, each with its rivals.
pub(super) fn of_chat(service: &Service, tokens: &[Token]) -> Value {
    let told = |token: u32, log_prob: f32| {
        let word = service.word(token);
        json!({"token": word.name, "logprob": log_prob, "bytes": word.bytes})
    };
    let content = tokens.iter().filter_map(|token| token.reading.as_ref()).map(|reading| {
        let mut entry = told(reading.token, reading.log_prob);
        let top = reading.top.iter().map(|&(token, log_prob)| told(token, log_prob));
        entry["top_logprobs"] = top.collect();
        entry
    });
    json!({"content": content.collect::<Vec<_>>()})
}
