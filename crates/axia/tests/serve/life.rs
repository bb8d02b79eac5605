//! Many clients, clients that leave, and the end.

use crate::adapter;
use crate::bench::{Bench, read_answer};
use crate::model::Recipe;
use axia::serve::ServeSettings;
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn short(seed: usize) -> Json {
    json!({"prompt": format!("client {seed}"), "max_tokens": 8, "seed": seed})
}

#[test]
fn clients_that_leave_end_their_work() {
    for stream in [true, false] {
        let bench = Bench::with(ServeSettings { queue: 1, ..Default::default() });
        let mut gone = bench.send_endless(stream);
        if stream {
            gone.read_exact(&mut [0; 300]).unwrap();
        } else {
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(bench.post("/v1/completions", &short(1)).status, 429, "it is at work");
        drop(gone);
        let start = Instant::now();
        while bench.post("/v1/completions", &short(1)).status != 200 {
            assert!(start.elapsed() < Duration::from_secs(10), "the work was not given up");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_long_request_keeps_no_other_waiting() {
    let bench = Bench::new();
    let _long = bench.send_endless(true);
    let start = Instant::now();
    let score = json!({"prompt": "abc", "max_tokens": 0, "echo": true, "logprobs": 1});
    let alone = Bench::new().complete(score.clone());
    assert_eq!(bench.complete(score)["choices"], alone["choices"]);
    bench.complete(short(1));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn late_replies_join_those_on_their_way() {
    let bench = Bench::with(ServeSettings { queue: 8, ..Default::default() });
    let body = |stream: bool| json!({"prompt": "abc", "max_tokens": 2000, "temperature": 0, "stream": stream});
    let whole = bench.complete(body(false));
    assert_eq!(whole["choices"][0]["finish_reason"], "length", "the model ends it early");
    let begin = |_| {
        let body = body(true).to_string();
        let mut stream = bench.send("POST", "/v1/completions", "", body.as_bytes());
        stream.read_exact(&mut [0; 400]).unwrap();
        stream
    };
    let replies: Vec<TcpStream> = (0..8).map(begin).collect();
    assert_eq!(bench.post("/v1/completions", &short(1)).status, 429, "all eight are at work");
    let texts = replies.into_iter().map(|mut reply| {
        let mut text = String::new();
        reply.read_to_string(&mut text).unwrap();
        text
    });
    assert!(texts.into_iter().all(|text| text.contains("data: [DONE]")));
}

/// A text of several thousand tokens, another one for each `seed`.
fn long(seed: usize) -> String {
    let letter = |i: usize| char::from(b'a' + (i * i * (seed + 3) + i / 7) as u8 % 26);
    (0..4000).map(letter).collect()
}

#[test]
fn long_texts_are_read_in_parts_and_keep_no_other_waiting() {
    let bench = Bench::new();
    let read = |text: String| json!({"prompt": text, "max_tokens": 0, "echo": true, "logprobs": 1});
    let go_on = |text: String| json!({"prompt": text, "max_tokens": 3, "temperature": 0});
    let log_probs = |answer: &Json| {
        let all = answer["choices"][0]["logprobs"]["token_logprobs"].as_array().unwrap().clone();
        all.iter().skip(1).map(|log_prob| log_prob.as_f64().unwrap()).collect::<Vec<_>>()
    };
    let alone: Vec<Vec<f64>> =
        (0..3).map(|seed| log_probs(&bench.complete(read(long(seed))))).collect();
    let reply = bench.complete(go_on(long(3)));
    let body = json!({"prompt": "abc", "max_tokens": 4000, "stream": true}).to_string();
    let mut stream = bench.send("POST", "/v1/completions", "", body.as_bytes());
    stream.read_exact(&mut [0; 300]).unwrap();
    std::thread::scope(|scope| {
        let bench = &bench;
        let long_ones: Vec<_> = (0..3)
            .map(|seed| scope.spawn(move || log_probs(&bench.complete(read(long(seed))))))
            .collect();
        let long_prompt = scope.spawn(move || bench.complete(go_on(long(3))));
        bench.complete(read("abc".to_owned()));
        bench.complete(short(1));
        for (beside, alone) in long_ones.into_iter().map(|one| one.join().unwrap()).zip(&alone) {
            assert_eq!(beside.len(), 3999);
            assert!(beside.iter().zip(alone).all(|(one, other)| (one - other).abs() < 1e-3));
        }
        assert_eq!(long_prompt.join().unwrap()["choices"], reply["choices"]);
    });
}

#[test]
fn sixty_four_clients_at_once() {
    let bench = Bench::new();
    let models = ["tiny", "tiny:a", "tiny:b"];
    let body = |client: usize, turn: usize| {
        let model = models[client % 3];
        match turn % 3 {
            0 => {
                json!({"model": model, "prompt": format!("{client}"), "max_tokens": 6, "seed": client})
            }
            1 => json!({
                "model": model, "prompt": format!("client {client}"), "max_tokens": 1, "echo": true,
                "logprobs": 1, "temperature": 0,
            }),
            _ => json!({
                "model": model, "prompt": "abc", "max_tokens": 5, "seed": client, "n": 2,
                "stop": "x",
            }),
        }
    };
    let ask = |client: usize, turn: usize| bench.complete(body(client, turn))["choices"].clone();
    let until = Instant::now() + Duration::from_secs(3);
    let answers: Vec<Vec<Json>> = std::thread::scope(|scope| {
        let run = |client: usize| {
            let mut answers = Vec::new();
            while answers.len() < 3 || (Instant::now() < until && answers.len() < 60) {
                answers.push(ask(client, answers.len()));
            }
            answers
        };
        let clients: Vec<_> = (0..64).map(|client| scope.spawn(move || run(client))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    // Answers are those of a quiet hour; log-probabilities but for rounding.
    for (client, answers) in answers.iter().enumerate().step_by(7) {
        for (turn, answer) in answers.iter().enumerate().take(3) {
            let quiet = ask(client, turn);
            for (a, b) in answer.as_array().unwrap().iter().zip(quiet.as_array().unwrap()) {
                assert_eq!((&a["text"], &a["finish_reason"]), (&b["text"], &b["finish_reason"]));
            }
        }
    }
}

#[test]
fn a_server_without_work_stops_at_once() {
    let mut bench = Bench::new();
    bench.complete(short(1));
    let (ended, time) = bench.stop();
    ended.unwrap();
    assert!(time < Duration::from_secs(2), "{time:?}");
    assert!(std::net::TcpStream::connect(bench.address).is_err());
}

#[test]
fn requests_may_finish_before_the_end() {
    let mut bench =
        Bench::with(ServeSettings { grace: Duration::from_secs(20), ..Default::default() });
    let body = json!({"prompt": "abc", "max_tokens": 300, "n": 20, "seed": 1}).to_string();
    let request = bench.send("POST", "/v1/completions", "", body.as_bytes());
    std::thread::sleep(Duration::from_millis(100));
    bench.stop().0.unwrap();
    let answer = read_answer(request).unwrap().json();
    let choices = answer["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 20);
    assert!(choices.iter().all(|choice| choice["finish_reason"].is_string()), "{answer}");
}

#[test]
fn endless_requests_are_cut() {
    let grace = Duration::from_millis(300);
    let mut bench = Bench::with(ServeSettings { grace, ..Default::default() });
    let (whole, streamed) = (bench.send_endless(false), bench.send_endless(true));
    std::thread::sleep(Duration::from_millis(200));
    let (ended, time) = bench.stop();
    ended.unwrap();
    assert!(time < Duration::from_secs(5), "{time:?}");
    let answer = read_answer(whole).unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.headers.contains(&"retry-after: 1".to_owned()));
    let answer = read_answer(streamed).unwrap();
    assert!(answer.body.contains("the server is stopping") && !answer.body.contains("[DONE]"));
}

#[test]
fn long_texts_are_cut_too() {
    let grace = Duration::from_millis(50);
    let mut bench = Bench::with(ServeSettings { grace, ..Default::default() });
    let texts: Vec<String> = (0..30).map(long).collect();
    let body = json!({"prompt": texts, "max_tokens": 0, "echo": true, "logprobs": 1}).to_string();
    let request = bench.send("POST", "/v1/completions", "", body.as_bytes());
    std::thread::sleep(Duration::from_millis(200));
    let (ended, time) = bench.stop();
    ended.unwrap();
    assert!(time < Duration::from_secs(5), "{time:?}");
    assert_eq!(read_answer(request).unwrap().status, 503);
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Recipe::default().write(&folder.path().join("tiny"));
        adapter::write(&folder.path().join("adapter"), 1);
        Self(folder)
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_axia"));
        command
            .args(words.split_whitespace())
            .current_dir(self.0.path())
            .env("AXIA_CACHE", self.0.path().join("cache"))
            .env("HF_HUB_OFFLINE", "1")
            .env("EMPTY_KEY", "")
            .env("A_KEY", "sesame")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    #[track_caller]
    fn fails(&self, words: &str, parts: &[&str]) {
        let output = self.command(words).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words}: {said}");
        for part in parts {
            assert!(said.contains(part), "{words}: no `{part}` in {said}");
        }
    }
}

/// A process that does not outlive its test.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[cfg(unix)]
fn it_serves_until_it_is_told_to_stop() {
    let folder = Folder::new();
    let mut served =
        Served(folder.command("serve tiny --adapter mine=adapter --port 0").spawn().unwrap());
    let mut line = String::new();
    BufReader::new(served.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("http://").and_then(|rest| rest.strip_suffix("/v1"));
    let address: SocketAddr = address.unwrap().parse().unwrap();
    assert!(address.ip().is_loopback());
    let body = ureq::get(format!("http://{address}/v1/models")).call().unwrap();
    let list = body.into_body().read_to_string().unwrap();
    assert!(list.contains("\"tiny\"") && list.contains("\"tiny:mine\""), "{list}");

    let id = rustix::process::Pid::from_raw(served.0.id() as i32).unwrap();
    let start = Instant::now();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    let status = served.0.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(start.elapsed() < Duration::from_secs(5));
    let mut said = String::new();
    served.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("serving tiny, tiny:mine") && !said.contains("panicked"), "{said}");
}

#[test]
fn what_cannot_be_served_is_refused() {
    let folder = Folder::new();
    folder.fails("serve nowhere", &["nowhere"]);
    folder.fails("serve tiny --adapter mine", &["NAME=DIR"]);
    folder.fails("serve tiny --adapter mine=nowhere", &["nowhere"]);
    folder.fails("serve tiny --adapter a=adapter --adapter a=adapter", &["`a`", "another one"]);
    folder.fails("serve tiny --run nowhere", &["nowhere"]);
    folder.fails("serve tiny --host 0.0.0.0 --port 0", &["--host 0.0.0.0", "--api-key-env"]);
    folder.fails("serve tiny --api-key-env EMPTY_KEY", &["EMPTY_KEY"]);
    folder.fails("serve tiny --api-key-env UNSET_KEY", &["UNSET_KEY"]);
    folder.fails("serve tiny --queue 0", &["--queue", "at least 1"]);
    folder.fails("serve tiny --host not/a/host", &["--host not/a/host"]);
}
