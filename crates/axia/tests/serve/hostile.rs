//! Requests that no client should send.

use crate::bench::{Bench, assert_refused};
use serde_json::json;
use std::io::Write;

const PATH: &str = "/v1/completions";

#[test]
fn bodies_that_are_no_requests() {
    let bench = Bench::new();
    let deep = "[".repeat(100_000);
    let deep_prompt = format!("{{\"prompt\": {deep}1{}}}", "]".repeat(100_000));
    let deep_content = format!("{{\"messages\": [{{\"role\": \"user\", \"content\": {deep}");
    for body in [
        &b""[..],
        b"{",
        b"[]",
        b"null",
        b"\"text\"",
        b"{\"prompt\": \"\xff\xfe\"}",
        b"{\"prompt\": \"\\ud800\"}",
        b"{\"prompt\": \"a\", \"temperature\": NaN}",
        deep_prompt.as_bytes(),
        deep_content.as_bytes(),
    ] {
        for path in [PATH, "/v1/chat/completions", "/tokenize", "/detokenize"] {
            let answer = bench.raw("POST", path, "", body);
            assert_refused(&answer, 400, &[]);
            assert!(answer.body.len() < 1000, "{answer:?}");
        }
    }
    bench.complete(json!({"prompt": "still there", "max_tokens": 1}));
}

#[test]
fn numbers_that_are_none() {
    let bench = Bench::new();
    for field in [
        "\"temperature\": 1e999",
        "\"temperature\": \"NaN\"",
        "\"max_tokens\": 1e30",
        "\"max_tokens\": 99999999999999999999999999",
        "\"max_tokens\": -1",
        "\"max_tokens\": 1.5",
        "\"seed\": 0.5",
        "\"n\": true",
        "\"prompt\": [1e3]",
    ] {
        let body = format!("{{\"prompt\": \"a\", {field}}}");
        let name = field.split('"').nth(1).unwrap();
        assert_refused(&bench.raw("POST", PATH, "", body.as_bytes()), 400, &[name]);
    }
}

#[test]
fn numbers_out_of_range() {
    let bench = Bench::new();
    for (field, value, part) in [
        ("temperature", json!(-0.1), "at least 0"),
        ("top_p", json!(0), "above 0"),
        ("top_p", json!(1.1), "at most 1"),
        ("top_k", json!(-2), "top_k"),
        ("n", json!(0), "from 1 to 128"),
        ("n", json!(129), "from 1 to 128"),
        ("logprobs", json!(21), "from 0 to 20"),
        ("logprobs", json!(-1), "logprobs"),
        ("stop", json!(""), "empty text"),
        ("stop", json!([1]), "no text"),
        ("stop", json!(vec!["a"; 33]), "33"),
        ("prompt", json!([]), "empty list"),
        ("prompt", json!([[1], []]), "prompt 2"),
        ("prompt", json!(""), "no token"),
        ("prompt", json!([258]), "258"),
        ("prompt", json!([1, "a"]), "beside"),
        ("prompt", json!(vec!["a"; 2049]), "2049"),
        ("echo", json!("yes"), "echo"),
        ("stream", json!(1), "stream"),
        ("model", json!(7), "model"),
    ] {
        let mut body = json!({"prompt": "a", "max_tokens": 1});
        body[field] = value;
        bench.refuses(PATH, &body, 400, &[part]);
    }
}

#[test]
fn extremes_that_make_sense_are_answered() {
    let bench = Bench::new();
    for (temperature, top_p) in [(1e300, 1.0), (1e-300, 1.0), (0.0, 1e-300), (5.0, 1e-9)] {
        let body = json!({
            "prompt": "a", "max_tokens": 3, "temperature": temperature, "top_p": top_p, "seed": 1,
            "top_k": -1,
        });
        assert_eq!(bench.complete(body)["usage"]["completion_tokens"], 3);
    }
    // Special tokens and odd characters in a prompt.
    let body = json!({"prompt": "<|eos|>\u{0}\u{202e}\u{1f600}", "max_tokens": 1, "echo": true, "logprobs": 20});
    let answer = bench.complete(body);
    assert!(answer["choices"][0]["text"].as_str().unwrap().starts_with("<|eos|>\u{0}"));
}

#[test]
fn lines_that_are_no_http() {
    let bench = Bench::new();
    for text in ["\r\n\r\n", "GET\r\n\r\n", "\u{0}\u{1}\u{2}\n\n", "POST / HTTP/9.9\r\n\r\n"] {
        let mut stream = bench.connect();
        stream.write_all(text.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = std::io::Read::read_to_end(&mut stream, &mut answer);
    }
    assert_eq!(bench.get("/health").status, 200);
    let long = format!("X-Long: {}\r\n", "a".repeat(1 << 20));
    let mut stream = bench.connect();
    let _ = stream.write_all(format!("GET /health HTTP/1.1\r\nHost: x\r\n{long}\r\n").as_bytes());
    assert_eq!(bench.get("/health").status, 200);
}
