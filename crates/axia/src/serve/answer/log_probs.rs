//! Log-probabilities in the two shapes that clients know.

use super::reader::Token;
use crate::serve::service::Service;
use axia_engine::score::Reading;
use serde_json::{Map, Value, json};

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
