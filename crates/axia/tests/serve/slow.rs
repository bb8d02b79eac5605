//! Clients that take their time.

use crate::bench::{Bench, assert_refused, read_answer};
use axia::serve::ServeSettings;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

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
