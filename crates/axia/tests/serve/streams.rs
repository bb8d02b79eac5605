//! Server-sent events.

use crate::bench::Bench;
use serde_json::{Value as Json, json};

fn streamed(body: &Json) -> Json {
    let mut body = body.clone();
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    body
}

fn extend(lists: &mut Json, parts: &Json) {
    for name in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
        let list = parts[name].as_array().cloned().unwrap_or_default();
        lists[name].as_array_mut().unwrap().extend(list);
    }
}

#[test]
fn streamed_completions_are_the_whole_ones_in_parts() {
    let bench = Bench::new();
    for body in [
        json!({"prompt": ["Hello", "é"], "max_tokens": 40, "n": 2, "seed": 3, "logprobs": 2}),
        json!({"prompt": ["Hello", "x"], "max_tokens": 20, "seed": 4, "logprobs": 1, "echo": true}),
        json!({"prompt": "Hello", "max_tokens": 1, "temperature": 0, "logprobs": 1, "echo": true}),
        json!({"prompt": "Hello", "max_tokens": 80, "seed": 5, "stop": ["e", "Q!", "a"], "logprobs": 0}),
    ] {
        let whole = bench.complete(body.clone());
        let answer = bench.post("/v1/completions", &streamed(&body));
        assert!(answer.headers.iter().any(|h| h == "content-type: text/event-stream"));
        let mut events = answer.events();
        let last = events.pop().unwrap();
        assert_eq!((&last["usage"], &last["choices"]), (&whole["usage"], &json!([])));
        for (index, expected) in whole["choices"].as_array().unwrap().iter().enumerate() {
            let mut text = String::new();
            let mut lists =
                json!({"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []});
            let mut finish = Json::Null;
            for event in &events {
                assert_eq!(event["id"], last["id"]);
                assert_eq!(event["object"], "text_completion");
                let choice = &event["choices"][0];
                if choice["index"] != index {
                    continue;
                }
                assert!(finish.is_null(), "nothing follows the last part");
                text += choice["text"].as_str().unwrap();
                extend(&mut lists, &choice["logprobs"]);
                finish = choice["finish_reason"].clone();
            }
            assert_eq!((&json!(text), &finish), (&expected["text"], &expected["finish_reason"]));
            assert_eq!(lists["tokens"], expected["logprobs"]["tokens"]);
            assert_eq!(lists["text_offset"], expected["logprobs"]["text_offset"]);
        }
        assert!(events.len() > 1 || body["max_tokens"] == 1, "it comes in parts");
    }
}

#[test]
fn streamed_chats_are_the_whole_ones_in_parts() {
    let bench = Bench::new();
    let body = json!({
        "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 30, "seed": 1, "n": 2,
        "logprobs": true, "top_logprobs": 1,
    });
    let whole = bench.ok("/v1/chat/completions", body.clone());
    let mut events = bench.post("/v1/chat/completions", &streamed(&body)).events();
    assert_eq!(events.pop().unwrap()["usage"], whole["usage"]);
    for (index, expected) in whole["choices"].as_array().unwrap().iter().enumerate() {
        let parts: Vec<&Json> = events
            .iter()
            .map(|event| &event["choices"][0])
            .filter(|c| c["index"] == index)
            .collect();
        assert_eq!(parts[0]["delta"], json!({"role": "assistant", "content": ""}));
        let text: String =
            parts.iter().filter_map(|part| part["delta"]["content"].as_str()).collect();
        assert_eq!(expected["message"]["content"], text);
        let tokens =
            parts.iter().filter_map(|part| part["logprobs"]["content"].as_array()).flatten();
        assert_eq!(tokens.count(), expected["logprobs"]["content"].as_array().unwrap().len());
        assert_eq!(parts.last().unwrap()["finish_reason"], expected["finish_reason"]);
    }
}

#[test]
fn usage_is_only_told_when_asked() {
    let bench = Bench::new();
    let body = json!({"prompt": "a", "max_tokens": 3, "stream": true, "seed": 1});
    let events = bench.post("/v1/completions", &body).events();
    assert!(events.iter().all(|event| event.get("usage").is_none()));
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "length");
}
