//! What is too much, and who may not.

use crate::bench::{Bench, assert_refused, read_answer};
use axia::serve::{AccessKey, Members, ServeError, ServeSettings, Server};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const PATH: &str = "/v1/completions";

#[test]
fn bodies_have_a_limit() {
    let bench = Bench::with(ServeSettings { max_body: 2000, ..Default::default() });
    bench.complete(json!({"prompt": "a".repeat(1900), "max_tokens": 0}));
    bench.refuses(PATH, &json!({"prompt": "a".repeat(2000), "max_tokens": 0}), 413, &["2000"]);
    // Also where the length is not announced.
    let chunk = format!("800\r\n{}\r\n", "a".repeat(0x800));
    let head = "POST /v1/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
        Transfer-Encoding: chunked\r\n\r\n";
    let mut stream = bench.connect();
    std::io::Write::write_all(&mut stream, format!("{head}{chunk}{chunk}").as_bytes()).unwrap();
    assert_refused(&read_answer(stream).unwrap(), 413, &["2000"]);
}

#[test]
fn texts_fit_the_model() {
    let bench = Bench::new();
    let body =
        |length: usize, more: usize| json!({"prompt": "a".repeat(length), "max_tokens": more});
    bench.complete(body(4090, 6));
    bench.refuses(PATH, &body(4090, 7), 400, &["4090 tokens", "7 more", "4096"]);
    let answer = bench.post(PATH, &body(5000, 0));
    assert_eq!(answer.json()["error"]["code"], "context_length_exceeded");
    let chat = json!({"messages": [{"role": "user", "content": "a".repeat(4096)}]});
    bench.refuses("/v1/chat/completions", &chat, 400, &["4096"]);
    bench.refuses(PATH, &body(1, usize::MAX), 400, &["4096"]);
}

#[test]
fn a_full_queue_says_when_to_come_back() {
    let bench = Bench::with(ServeSettings { queue: 1, ..Default::default() });
    let mut long = bench.send_endless(true);
    long.read_exact(&mut [0; 15]).unwrap();
    let answer = bench.post(PATH, &json!({"prompt": "a", "max_tokens": 1}));
    assert_refused(&answer, 429, &["1 requests"]);
    assert!(answer.headers.contains(&"retry-after: 1".to_owned()), "{answer:?}");
    assert_eq!(bench.get("/health").status, 200);
    drop(long);
    // Room again once the other is gone.
    let start = Instant::now();
    while bench.post(PATH, &json!({"prompt": "a", "max_tokens": 1})).status != 200 {
        assert!(start.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_key_is_asked_for() {
    let key = AccessKey::new("sesame");
    let bench = Bench::with(ServeSettings { key, ..Default::default() });
    let body = json!({"prompt": "a", "max_tokens": 1}).to_string();
    let ask = |headers: &str| bench.raw("POST", PATH, headers, body.as_bytes());
    for wrong in ["", "Authorization: Bearer sesam\r\n", "Authorization: Basic sesame\r\n"] {
        assert_refused(&ask(wrong), 401, &["API key"]);
    }
    assert_eq!(ask("Authorization: Bearer sesame\r\n").status, 200);
    for path in ["/v1/models", "/tokenizer_info", "/v1/models/tiny"] {
        assert_eq!(bench.get(path).status, 401, "{path}");
    }
    assert_eq!(bench.get("/health").status, 200);
}

#[test]
fn others_are_only_let_in_with_a_key() {
    let bench = Bench::new();
    let bind = |key: Option<AccessKey>, address: &str| {
        let members = Members::new(bench.model(), "tiny");
        let settings = ServeSettings { key, ..Default::default() };
        Server::bind(members, settings, address.parse().unwrap()).map(|_| ())
    };
    assert!(matches!(bind(None, "0.0.0.0:0"), Err(ServeError::Open(_))));
    assert!(matches!(bind(None, "[::]:0"), Err(ServeError::Open(_))));
    let taken = bind(None, &bench.address.to_string());
    assert!(matches!(taken, Err(ServeError::Listen { .. })), "{taken:?}");
}

#[test]
fn adapters_need_names_of_their_own() {
    let bench = Bench::new();
    let mut members = Members::new(bench.model(), "tiny");
    let mut add = |name: &str| members.add(name, bench.adapter(&bench.model(), "a"));
    add("one").unwrap();
    for name in ["one", "", "two words", "tab\t"] {
        assert!(matches!(add(name), Err(ServeError::Name { .. })), "{name}");
    }
}

#[test]
fn models_that_are_not_there() {
    let bench = Bench::new();
    for (path, body) in [
        (PATH, json!({"model": "gpt", "prompt": "a"})),
        ("/v1/chat/completions", json!({"model": "gpt", "messages": []})),
        ("/tokenize", json!({"model": "gpt", "prompt": "a"})),
    ] {
        bench.refuses(path, &body, 404, &["gpt", "`tiny`, `tiny:a`, `tiny:b`"]);
        assert_eq!(bench.post(path, &body).json()["error"]["code"], "model_not_found");
    }
    assert_refused(&bench.get("/nowhere"), 404, &["nothing at this address"]);
    assert_refused(&bench.get(PATH), 405, &["method"]);
}

const PATIENCE: Duration = Duration::from_millis(300);

fn bench() -> Bench {
    Bench::with(ServeSettings { patience: PATIENCE, ..Default::default() })
}

/// What is left to be read before the server hangs up, which must be about now.
#[track_caller]
fn rest(mut stream: TcpStream) -> String {
    let start = Instant::now();
    let mut text = String::new();
    // A connection that is cut while bytes are on their way is reset.
    let _ = stream.read_to_string(&mut text);
    assert!(start.elapsed() < PATIENCE * 20, "the server did not hang up: {text:?}");
    text
}

#[test]
fn silent_connections_are_closed() {
    let bench = bench();
    let silent = bench.connect();
    let mut hesitant = bench.connect();
    hesitant.write_all(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Le").unwrap();
    let mut idle = bench.connect();
    idle.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(rest(silent), "");
    assert!(!rest(hesitant).contains("200"));
    let answer = rest(idle);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("}"), "{answer:?}");
}

#[test]
fn bodies_that_do_not_come_give_their_place_back() {
    let patience = ServeSettings { patience: PATIENCE, queue: 1, ..Default::default() };
    let bench = Bench::with(patience);
    let mut slow = bench.connect();
    slow.write_all(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{\"pro")
        .unwrap();
    std::thread::sleep(PATIENCE / 3);
    let body = json!({"prompt": "a", "max_tokens": 1});
    assert_eq!(bench.post("/v1/completions", &body).status, 429);
    assert_refused(&read_answer(slow).unwrap(), 408, &["in time"]);
    assert_eq!(bench.post("/v1/completions", &body).status, 200);
}

#[test]
fn answers_may_take_longer_than_clients() {
    let bench = bench();
    let start = Instant::now();
    let body = json!({"prompt": "abc", "max_tokens": 400, "n": 40, "seed": 1});
    assert_eq!(bench.complete(body)["choices"].as_array().unwrap().len(), 40);
    assert!(start.elapsed() > PATIENCE, "it was over too soon to tell: {:?}", start.elapsed());
}

#[test]
fn idle_connections_do_not_keep_others_out() {
    let settings = ServeSettings { connections: 2, patience: PATIENCE, ..Default::default() };
    let bench = Bench::with(settings);
    let _idle: Vec<_> = (0..6).map(|_| bench.connect()).collect();
    assert_eq!(bench.get("/health").status, 200);
}

#[test]
fn texts_and_tokens() {
    let bench = Bench::new();
    let answer = bench.ok("/tokenize", json!({"prompt": "aé<|eos|>", "add_special_tokens": false}));
    assert_eq!(answer["tokens"], json!([97, 195, 169, 257]));
    assert_eq!((&answer["count"], &answer["max_model_len"]), (&json!(4), &json!(4096)));
    assert!(answer["token_strs"].is_null());
    let body = json!({"model": "tiny:b", "prompt": "a<|eos|>", "return_token_strs": true});
    assert_eq!(bench.ok("/tokenize", body)["token_strs"], json!(["a", "<|eos|>"]));
    let answer = bench.ok("/detokenize", json!({"tokens": [97, 195, 169, 257]}));
    assert_eq!(answer, json!({"prompt": "aé<|eos|>"}));
    assert_eq!(bench.ok("/detokenize", json!({"tokens": []}))["prompt"], "");
    bench.refuses("/detokenize", &json!({"tokens": [258]}), 400, &["258"]);
    bench.refuses("/detokenize", &json!({"tokens": [-1]}), 400, &["`tokens`"]);
    bench.refuses("/tokenize", &json!({}), 400, &["`prompt` is missing"]);
    bench.refuses("/tokenize", &json!({"prompt": ["a"]}), 400, &["`prompt`"]);
}

#[test]
fn what_the_tokenizer_is() {
    let info = Bench::new().get("/tokenizer_info").json();
    assert_eq!((&info["bos_token"], &info["eos_token"]), (&json!("<|bos|>"), &json!("<|eos|>")));
    assert!(info["pad_token"].is_null());
    assert!(info["chat_template"].as_str().unwrap().contains("{% for m in messages %}"));
}

#[test]
fn models_are_listed() {
    let bench = Bench::new();
    let list = bench.get("/v1/models").json();
    assert_eq!(list["object"], "list");
    let names: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["tiny", "tiny:a", "tiny:b"]);
    let model = bench.get("/v1/models/tiny:a").json();
    assert_eq!(model, list["data"][1]);
    assert_eq!((&model["object"], &model["parent"]), (&json!("model"), &json!("tiny")));
    assert_eq!(bench.get("/v1/models/other").status, 404);
    assert_eq!(bench.get("/health").json(), json!({"status": "ok"}));
}
