//! A server of the little language, which does what it is asked or something else.

use crate::language::{draw, echoed, next};
use crate::remote_stub::{Act, Request, Stub, fails, json_body};
use serde_json::{Value, json};

/// What the server makes of `echo`.
#[derive(Clone, Copy, PartialEq)]
pub enum Echo {
    Honest,
    /// With at least one new token.
    NeedsNewToken,
    Ignored,
    Refused,
    /// The same number for every token.
    Constant,
    /// Numbers that have nothing to do with answers.
    Invented,
    /// Numbers that depend on what comes after.
    Foresight,
    /// Of another text.
    Elsewhere,
}

/// How the server behaves.
#[derive(Clone, Copy)]
pub struct Behaviour {
    pub completions: bool,
    pub chats: bool,
    pub echo: Echo,
    /// Most likeliest tokens that it lists.
    pub top: usize,
    /// Most that may be asked for.
    pub most_top: usize,
    /// Whether lists are of the same tokens for everything.
    pub constant_lists: bool,
    /// Whether likeliest tokens add up to more than one.
    pub inflated: bool,
    /// Whether completions list tokens as chats do, as llama.cpp's do.
    pub content_style: bool,
    pub prompt_logprobs: bool,
    pub prefill: bool,
    /// Whether an answer that was begun is given back from its beginning.
    pub repeats: bool,
    pub temperature: bool,
    pub seed: bool,
    /// Whether fields that OpenAI does not know are refused.
    pub strict: bool,
    /// Whether it answers everything alike.
    pub constant: bool,
    /// What it calls its model, whatever was asked for.
    pub name: &'static str,
}

/// A server that can do everything.
pub const ABLE: Behaviour = Behaviour {
    completions: true,
    chats: true,
    echo: Echo::Honest,
    top: 20,
    most_top: 20,
    constant_lists: false,
    inflated: false,
    content_style: false,
    prompt_logprobs: false,
    prefill: true,
    repeats: false,
    temperature: true,
    seed: true,
    strict: false,
    constant: false,
    name: "m",
};

/// Lists likeliest tokens, but nothing about prompts; like llama.cpp's server.
pub const LISTS: Behaviour = Behaviour { echo: Echo::Ignored, content_style: true, ..ABLE };

/// Gives no log-probabilities at all.
pub const TEXT_ALONE: Behaviour = Behaviour { echo: Echo::Ignored, top: 0, ..ABLE };

pub fn serve(behaviour: Behaviour) -> Stub {
    Stub::new(move |request, number| behaviour.act(request, number))
}

/// The text that the model reads of a chat.
pub fn chat_text(question: &str, answer: &str) -> String {
    format!("U: {question}\nA:{answer}")
}

impl Behaviour {
    pub fn act(&self, request: &Request, number: usize) -> Act {
        let chat = request.path == "/v1/chat/completions";
        if request.path == "/v1/models" {
            return json_body(json!({"data": [{"id": "m", "max_model_len": 4096}]}));
        }
        if !(chat && self.chats || request.path == "/v1/completions" && self.completions) {
            return fails(404, "not found");
        }
        let body = &request.body;
        if self.strict {
            for name in ["top_k", "min_p", "prompt_logprobs", "continue_final_message"] {
                if !body[name].is_null() {
                    return fails(400, &format!("Unrecognized request argument: {name}"));
                }
            }
        }
        let asked = if chat { &body["top_logprobs"] } else { &body["logprobs"] };
        let asked = asked.as_u64().unwrap_or_default() as usize;
        if asked > self.most_top {
            return fails(400, &format!("logprobs must be at most {}", self.most_top));
        }
        let text = if chat { self.chat(body) } else { body["prompt"].as_str().unwrap().to_owned() };
        let count = body["max_tokens"].as_u64().unwrap() as usize;
        let wants_echo = body["echo"] == true && !chat;
        if wants_echo {
            match self.echo {
                Echo::Refused => return fails(400, "echo is not supported"),
                Echo::NeedsNewToken if count == 0 => {
                    return fails(422, "max_tokens must be at least 1");
                }
                Echo::Ignored => {}
                _ => return self.echoing(&text, count),
            }
        }
        let temperature =
            if self.temperature { body["temperature"].as_f64().unwrap() } else { 0.0 };
        let luck = match self.seed {
            true => body["seed"].as_u64().unwrap_or_default(),
            false => number as u64,
        };
        let said = match self.constant {
            true => vec!["4".to_owned()],
            false => draw(&text, temperature, luck, count.max(1)),
        };
        self.answer(&text, &said, chat, asked.min(self.top), body)
    }

    fn chat(&self, body: &Value) -> String {
        let messages = body["messages"].as_array().unwrap();
        let content = |role: &str| {
            let found = messages.iter().find(|message| message["role"] == role);
            found.and_then(|message| message["content"].as_str()).unwrap_or_default()
        };
        match self.prefill {
            true => chat_text(content("user"), content("assistant")),
            // The assistant's turn is over, and another begins.
            false => chat_text(content("user"), &format!("{}\nA:", content("assistant"))),
        }
    }

    fn echoing(&self, text: &str, count: usize) -> Act {
        let text = match self.echo {
            Echo::Elsewhere => "Something else altogether",
            _ => text,
        };
        let mut all = echoed(text);
        let size = all.len();
        for (i, (_, logprob)) in all.iter_mut().enumerate().skip(1) {
            *logprob = match self.echo {
                Echo::Constant => Some(-1.0),
                Echo::Invented => Some(-20.0 - (i % 3) as f64),
                Echo::Foresight => Some(-((i + text.len()) as f64)),
                _ => *logprob,
            };
        }
        all.extend(draw(text, 0.0, 0, count).into_iter().map(|token| (token, Some(-0.1))));
        let (tokens, logprobs): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        assert_eq!(tokens.len(), size + count);
        json_body(json!({"choices": [{"index": 0, "text": tokens.concat(), "logprobs": {
            "tokens": tokens, "token_logprobs": logprobs, "top_logprobs": null
        }}]}))
    }

    fn answer(&self, text: &str, said: &[String], chat: bool, top: usize, body: &Value) -> Act {
        let source = if self.constant_lists { "always" } else { text };
        let scale = if self.inflated { 3f64.ln() } else { 0.0 };
        let top: Vec<(&str, f64)> = next(source)
            .into_iter()
            .take(top)
            .map(|(t, p)| (t, (p.ln() + scale).min(0.0)))
            .collect();
        let content = json!({"content": [{
            "token": said[0], "logprob": -0.5,
            "top_logprobs": top.iter().map(|(t, p)| json!({"token": t, "logprob": p})).collect::<Vec<_>>(),
        }]});
        let list = json!({
            "tokens": said, "token_logprobs": said.iter().map(|_| -0.5).collect::<Vec<_>>(),
            "top_logprobs": [top.iter().map(|(t, p)| ((*t).to_owned(), json!(p))).collect::<serde_json::Map<_, _>>()],
        });
        let logprobs = match (top.is_empty(), chat || self.content_style) {
            (true, _) => Value::Null,
            (false, true) => content,
            (false, false) => list,
        };
        let mut choice = json!({"index": 0, "finish_reason": "length", "logprobs": logprobs});
        match chat {
            true => {
                let last = body["messages"].as_array().and_then(|all| all.last());
                let last = last.filter(|last| self.repeats && last["role"] == "assistant");
                let begun = last.and_then(|last| last["content"].as_str()).unwrap_or_default();
                let content = format!("{begun}{}", said.concat());
                choice["message"] = json!({"role": "assistant", "content": content});
            }
            false => choice["text"] = json!(said.concat()),
        }
        let mut answer = json!({"model": self.name});
        if self.prompt_logprobs && !body["prompt_logprobs"].is_null() {
            let entries = echoed(text).into_iter().map(|(token, logprob)| match logprob {
                None => Value::Null,
                Some(logprob) => json!({"7": {"logprob": logprob, "decoded_token": token}}),
            });
            let list: Vec<Value> = entries.collect();
            match chat {
                true => answer["prompt_logprobs"] = json!(list),
                false => choice["prompt_logprobs"] = json!(list),
            }
        }
        answer["choices"] = json!([choice]);
        json_body(answer)
    }
}
