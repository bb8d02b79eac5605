//! Questions as requests.

use super::asking::Asking;
use super::asking::{Echo, Prefill};
use super::cache::Asked;
use crate::respondent::Prompt;
use axia_engine::chat::ChatMessage;
use axia_engine::generate::Sampling;
use serde_json::{Value, json};

/// Tokens of an answer that are kept: enough for any candidate and what stands before it.
const KEPT_TOKENS: usize = 24;

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    /// The endpoint.
    pub(super) path: &'static str,
    /// JSON.
    pub(super) body: Value,
    /// Number among requests that are alike, where each is to have an answer of its own.
    pub(super) draw: u64,
    /// Tokens of the answer to be kept.
    pub(super) keep: usize,
}

impl Request {
    /// All that its answer may depend on; `url` is the full address.
    pub(super) fn asked<'a>(&'a self, url: &'a str) -> Asked<'a> {
        Asked { url, body: &self.body, draw: self.draw }
    }
}

/// How an answer is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Draw {
    /// From which of the model's tokens.
    pub(super) sampling: Sampling,
    /// Seed.
    pub(super) seed: u64,
    /// Most tokens.
    pub(super) max_tokens: usize,
    /// Whether to list what might have stood in place of the first token.
    pub(super) top: bool,
}

/// The model's own distribution: nothing cut off, nothing sharpened.
pub(super) const PLAIN: Sampling = Sampling { temperature: 1.0, top_p: 1.0, top_k: 0 };

impl Asking {
    /// Asks for an answer.
    pub(super) fn generate(&self, prompt: &Prompt, draw: Draw) -> Request {
        let able = &self.abilities;
        let (path, mut body) = self.question(prompt);
        body[able.limit] = json!(draw.max_tokens);
        if able.sampling {
            body["temperature"] = json!(draw.sampling.temperature);
            body["top_p"] = json!(draw.sampling.top_p);
        }
        if able.seed {
            // Some servers take no more than 31 bits.
            body["seed"] = json!((draw.seed ^ draw.seed >> 32) & 0x7fff_ffff);
        }
        if able.extras {
            body["top_k"] = match draw.sampling.top_k {
                0 => json!(-1),
                k => json!(k),
            };
            body["min_p"] = json!(0.0);
            // As vLLM and as llama.cpp call it; both take penalties from elsewhere unless told.
            body["repetition_penalty"] = json!(1.0);
            body["repeat_penalty"] = json!(1.0);
        }
        if draw.top && able.top > 0 {
            match prompt {
                Prompt::Plain(_) => body["logprobs"] = json!(able.top),
                Prompt::Chat { .. } => {
                    body["logprobs"] = json!(true);
                    body["top_logprobs"] = json!(able.top);
                }
            }
        }
        // Where the server takes no seed, only the draw tells requests apart.
        Request { path, body, draw: draw.seed, keep: KEPT_TOKENS }
    }

    /// Asks for the log-probabilities of `candidate` behind `prompt`.
    pub(super) fn echo(&self, prompt: &Prompt, candidate: &str, form: Echo) -> Request {
        let (path, mut body) = self.question(&followed_by(prompt, candidate));
        // Servers that scale log-probabilities by the temperature leave them as they are at 1.
        body["temperature"] = json!(1.0);
        match form {
            Echo::Echo { new_tokens } => {
                body[self.abilities.limit] = json!(new_tokens);
                body["echo"] = json!(true);
                body["logprobs"] = json!(1);
            }
            Echo::PromptLogprobs => {
                body[self.abilities.limit] = json!(1);
                body["prompt_logprobs"] = json!(0);
            }
        }
        Request { path, body, draw: 0, keep: KEPT_TOKENS + candidate.len() }
    }

    fn question(&self, prompt: &Prompt) -> (&'static str, Value) {
        let (system, question, answer) = match prompt {
            Prompt::Plain(text) => {
                return ("/completions", json!({"model": self.model, "prompt": text}));
            }
            Prompt::Chat { system, question, answer } => (system, question, answer),
        };
        let mut messages: Vec<ChatMessage> = system.iter().map(ChatMessage::system).collect();
        let mut flagged = false;
        match self.abilities.prefill {
            _ if answer.is_empty() => messages.push(ChatMessage::user(question)),
            Prefill::Question => {
                let question = format!("{question}\n\n{}", answer.trim_end());
                messages.push(ChatMessage::user(question));
            }
            prefill => {
                messages.extend([ChatMessage::user(question), ChatMessage::assistant(answer)]);
                flagged = prefill == Prefill::Flagged;
            }
        }
        let mut body = json!({"model": self.model, "messages": messages, "stream": false});
        if flagged {
            body["add_generation_prompt"] = json!(false);
            body["continue_final_message"] = json!(true);
        }
        ("/chat/completions", body)
    }

    /// What the model added to the beginning of its answer.
    pub(super) fn added<'t>(&self, prompt: &Prompt, text: &'t str) -> &'t str {
        match prompt {
            Prompt::Chat { answer, .. } if self.abilities.repeats => {
                text.strip_prefix(answer.as_str()).unwrap_or(text)
            }
            _ => text,
        }
    }

    /// Whether the model can be made to go on with a beginning of its answer.
    pub(super) fn continues(&self, prompt: &Prompt) -> bool {
        match prompt {
            Prompt::Plain(_) => true,
            Prompt::Chat { .. } => self.abilities.prefill != Prefill::Question,
        }
    }
}

/// `prompt` with an answer that has gone so far.
pub(super) fn followed_by(prompt: &Prompt, said: &str) -> Prompt {
    match prompt {
        Prompt::Plain(text) => Prompt::Plain(format!("{text}{said}")),
        Prompt::Chat { system, question, answer } => Prompt::Chat {
            system: system.clone(),
            question: question.clone(),
            answer: format!("{answer}{said}"),
        },
    }
}

/// The end of a prompt, as far as it stands right before the answer.
pub(super) fn lead(prompt: &Prompt) -> &str {
    match prompt {
        Prompt::Plain(text) => text,
        Prompt::Chat { answer, .. } => answer,
    }
}
