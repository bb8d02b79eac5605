//! `/v1/completions`

use crate::bench::Bench;
use axia_engine::generate::{Request, Sampling, generate};
use axia_engine::kernels::DeviceKernels;
use axia_engine::score::{ScoreRow, score};
use serde_json::{Value as Json, json};

/// Log-probabilities of a prompt's tokens, the first left out.
fn log_probs(choice: &Json) -> Vec<f64> {
    let listed = choice["logprobs"]["token_logprobs"].as_array().unwrap();
    assert!(listed[0].is_null());
    listed[1..].iter().map(|log_prob| log_prob.as_f64().unwrap()).collect()
}

fn ids(text: &str) -> Vec<u32> {
    text.bytes().map(u32::from).collect()
}

#[test]
fn a_completion_has_the_usual_shape() {
    let bench = Bench::new();
    let body = json!({"model": "tiny", "prompt": "Hello", "max_tokens": 5, "temperature": 0});
    let answer = bench.complete(body);
    assert_eq!(answer["object"], "text_completion");
    assert_eq!(answer["model"], "tiny");
    assert!(answer["id"].as_str().unwrap().starts_with("cmpl-"));
    assert!(answer["created"].as_u64().unwrap() > 1_700_000_000);
    let usage = json!({"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10});
    assert_eq!(answer["usage"], usage);
    let choice = &answer["choices"][0];
    assert_eq!((&choice["index"], &choice["finish_reason"]), (&json!(0), &json!("length")));
    assert!(choice["logprobs"].is_null());
    let model = bench.model();
    let request =
        Request { prompt: ids("Hello"), sampling: Sampling::GREEDY, seed: 0, max_tokens: 5 };
    let plain = model.decoder().merged(DeviceKernels::default(), None);
    let expected = generate(&plain, &[request], |_| false).unwrap();
    let expected = model.tokenizer().decode(&expected[0].tokens, true).unwrap();
    assert_eq!(choice["text"], expected);
    // Sixteen tokens unless the request says otherwise, and the base unless it names another.
    let answer = bench.complete(json!({"prompt": "Hello", "seed": 3}));
    assert_eq!(
        (&answer["model"], &answer["usage"]["completion_tokens"]),
        (&json!("tiny"), &json!(16))
    );
}

#[test]
fn echoed_log_probs_are_those_of_scoring() {
    let bench = Bench::new();
    let model = bench.model();
    for (name, adapter) in [
        ("tiny", None),
        ("tiny:a", Some(bench.adapter(&model, "a"))),
        ("tiny:b", Some(bench.adapter(&model, "b"))),
    ] {
        let texts = ["Power is good.", "Power is bad.", "é"];
        let body = json!({
            "model": name, "prompt": texts, "max_tokens": 0, "echo": true, "logprobs": 3,
        });
        let answer = bench.complete(body);
        for (index, text) in texts.iter().enumerate() {
            let choice = &answer["choices"][index];
            assert_eq!((&choice["index"], &choice["text"]), (&json!(index), &json!(text)));
            let row = ScoreRow {
                prompt: ids(text)[..1].to_vec(),
                candidates: vec![ids(text)[1..].to_vec()],
            };
            let scores = score(model.decoder(), adapter.as_ref(), &[row], 100, |_| true).unwrap();
            let sum: f64 = log_probs(choice).iter().sum();
            assert!((sum - scores.rows[0][0]).abs() < 1e-4, "{name} {text}: {sum} {scores:?}");
        }
    }
    let of = |name: &str| {
        let body =
            json!({"model": name, "prompt": "Power", "max_tokens": 0, "echo": true, "logprobs": 0});
        log_probs(&bench.complete(body)["choices"][0])
    };
    assert_eq!((of("base"), of("base:a")), (of("tiny"), of("tiny:a")));
    assert_ne!(of("tiny"), of("tiny:a"));
    assert_ne!(of("tiny:a"), of("tiny:b"));
}

/// The request of lm-evaluation-harness: ids, and one token more than it needs.
#[test]
fn scoring_clients_find_what_they_read() {
    let bench = Bench::new();
    let prompt = ids("a bé.");
    let body = json!({
        "model": "tiny", "prompt": [prompt, ids("xyz")], "temperature": 0, "max_tokens": 1,
        "logprobs": 1, "seed": 1234, "echo": true,
    });
    let answer = bench.complete(body);
    let choice = &answer["choices"][0];
    let log_probs = &choice["logprobs"];
    let length = |name: &str| log_probs[name].as_array().unwrap().len();
    for name in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
        assert_eq!(length(name), prompt.len() + 1, "{name}");
    }
    assert!(log_probs["token_logprobs"][0].is_null() && log_probs["top_logprobs"][0].is_null());
    let names = json!(["a", " ", "b", r"bytes:\xc3", r"bytes:\xa9", "."]);
    assert_eq!(log_probs["tokens"].as_array().unwrap()[..6], names.as_array().unwrap()[..]);
    assert_eq!(log_probs["text_offset"], json!([0, 1, 2, 3, 3, 4, 5]));
    let mut greedy = 0;
    for place in 1..=prompt.len() {
        let own = log_probs["token_logprobs"][place].as_f64().unwrap();
        let top = log_probs["top_logprobs"][place].as_object().unwrap();
        let best = top.values().map(|v| v.as_f64().unwrap()).fold(f64::MIN, f64::max);
        assert!(own <= best);
        assert_eq!(top[log_probs["tokens"][place].as_str().unwrap()].as_f64(), Some(own));
        greedy += usize::from(own == best);
    }
    assert!(greedy >= 1, "the token that was drawn at temperature 0 is the likeliest");
    assert_eq!(answer["choices"][1]["index"], 1);
    assert_eq!(answer["usage"]["completion_tokens"], 2);
}

#[test]
fn prompts_together_are_answered_as_each_alone() {
    let bench = Bench::new();
    let body = |prompt: Json| {
        json!({
            "prompt": prompt, "max_tokens": 12, "temperature": 1.2, "top_p": 0.95, "top_k": 100,
            "seed": 7, "n": 3, "logprobs": 2, "echo": true,
        })
    };
    let prompts = [json!("Hello"), json!("Help"), json!("Hello world"), json!("?")];
    let together = bench.complete(body(json!(prompts)));
    let mut texts = Vec::new();
    for (index, prompt) in prompts.iter().enumerate() {
        let alone = bench.complete(body(prompt.clone()));
        for number in 0..3 {
            let (a, b) = (&together["choices"][index * 3 + number], &alone["choices"][number]);
            assert_eq!((&a["text"], &a["finish_reason"]), (&b["text"], &b["finish_reason"]));
            assert_eq!(a["logprobs"]["tokens"], b["logprobs"]["tokens"]);
            for (a, b) in log_probs(a).iter().zip(log_probs(b)) {
                assert!((a - b).abs() < 1e-4);
            }
            texts.push(a["text"].clone());
        }
    }
    texts.sort_by_key(Json::to_string);
    texts.dedup();
    assert_eq!(texts.len(), 12, "every choice is drawn anew");
}

#[test]
fn ids_and_their_text_are_the_same_prompt() {
    let bench = Bench::new();
    let ask = |prompt: Json| {
        let body = json!({"prompt": prompt, "max_tokens": 4, "temperature": 0, "echo": true});
        bench.complete(body)["choices"].clone()
    };
    assert_eq!(ask(json!("abc")), ask(json!([97, 98, 99])));
    assert_eq!(ask(json!(["abc", "d"])), ask(json!([[97, 98, 99], [100]])));
}

#[test]
fn stop_texts_end_a_reply() {
    let bench = Bench::new();
    let body = |stop: Json| json!({"prompt": "Hello", "max_tokens": 60, "seed": 5, "stop": stop});
    let whole = bench.complete(body(Json::Null))["choices"][0]["text"].as_str().unwrap().to_owned();
    // A text that spans two tokens.
    let (from, _) = whole.char_indices().nth(20).unwrap();
    let stop: String = whole[from..].chars().take(2).collect();
    let expected = &whole[..whole.find(&stop).unwrap()];
    for stop in [json!(stop), json!(["never to be seen", stop])] {
        let answer = bench.complete(body(stop));
        let choice = &answer["choices"][0];
        assert_eq!(
            (choice["text"].as_str().unwrap(), &choice["finish_reason"]),
            (expected, &json!("stop"))
        );
    }
    let answer = bench.complete(body(json!(["never to be seen"])));
    assert_eq!(answer["choices"][0]["text"], whole);
}

#[test]
fn seeds_tell_replies_apart() {
    let bench = Bench::new();
    let ask = |seed: Json| {
        let body = json!({"prompt": "Hello", "max_tokens": 20, "seed": seed});
        bench.complete(body)["choices"][0]["text"].clone()
    };
    assert_eq!(ask(json!(1)), ask(json!(1)));
    assert_ne!(ask(json!(1)), ask(json!(2)));
    assert_eq!(ask(json!(-1)), ask(json!(u64::MAX)));
    assert_ne!(ask(Json::Null), ask(Json::Null));
}

#[test]
fn a_reply_of_no_tokens() {
    let bench = Bench::new();
    let answer = bench.complete(json!({"prompt": "Hello", "max_tokens": 0}));
    assert_eq!(
        (&answer["choices"][0]["text"], &answer["choices"][0]["finish_reason"]),
        (&json!(""), &json!("length"))
    );
    let answer = bench.complete(json!({"prompt": "Hello", "max_tokens": 0, "echo": true}));
    assert_eq!(answer["choices"][0]["text"], "Hello");
    // A text of one token has nothing to be read.
    let body = json!({"prompt": "H", "max_tokens": 0, "echo": true, "logprobs": 5});
    let answer = bench.complete(body);
    assert_eq!(answer["choices"][0]["logprobs"]["token_logprobs"], json!([null]));
}

#[test]
fn what_is_not_supported_is_refused_and_what_says_nothing_is_not() {
    let bench = Bench::new();
    let neutral = json!({
        "prompt": "a", "max_tokens": 1, "frequency_penalty": 0, "presence_penalty": 0.0,
        "repetition_penalty": 1.0, "min_p": 0.0, "ignore_eos": false, "stop_token_ids": [],
        "z\n": 1, "logit_bias": {}, "suffix": null, "best_of": 1, "user": "me", "stop": null, "n": null,
        "stream_options": null,
    });
    bench.complete(neutral.clone());
    for (field, value) in [
        ("frequency_penalty", json!(0.5)),
        ("presence_penalty", json!("high")),
        ("repetition_penalty", json!(5.0)),
        ("min_p", json!(0.9)),
        ("min_tokens", json!(3)),
        ("ignore_eos", json!(true)),
        ("stop_token_ids", json!([4])),
        ("guided_choice", json!(["a", "b"])),
        ("response_format", json!({"type": "json_object"})),
        ("logit_bias", json!({"5": 1})),
        ("suffix", json!("end")),
        ("best_of", json!(3)),
    ] {
        let mut body = neutral.clone();
        body[field] = value;
        bench.refuses("/v1/completions", &body, 400, &[field, "not supported"]);
    }
}
