//! Servers that misbehave.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axia::dilemmas::annotate::{AnnotationSettings, RemoteAnnotator, annotate};
use axia::remote::{ChatModel, Client, ClientSettings};
use serde_json::json;

use crate::bench::{Bench, SECRET, good, plain, remote, title};
use crate::remote_stub::{Act, Stub, body, fails, fails_with, json_body, says};

fn everything_under(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn a_server_that_misbehaves_in_every_way_is_recorded() {
    let seen: Mutex<HashMap<String, usize>> = Mutex::default();
    let stub = Stub::new(move |request, _| {
        let title = title(request.question()).to_owned();
        let mut seen = seen.lock().unwrap();
        let number = seen.entry(title.clone()).or_default();
        *number += 1;
        match (title.as_str(), *number) {
            ("slow", _) => Act::Late(Duration::from_millis(150), good()),
            ("silent", _) => Act::Silence,
            ("busy", 1) => fails_with(429, "Retry-After: 0.1", "slow down"),
            ("fails-once", 1) => fails(500, "oops"),
            ("fails", _) => fails(500, &format!("oops, {SECRET}")),
            ("cut-once", 1) => Act::HangUp,
            ("cut", _) => Act::Cut(1 << 16, b"{\"choices\":".to_vec()),
            ("broken", _) => body("{\"choices\": [{]}"),
            ("empty", _) => json_body(json!({"choices": []})),
            ("wrong-schema-once", 1) => says("{\"verdict\": \"NTA\"}"),
            ("wrong-schema", _) => says("{\"verdict\": \"NTA\"}"),
            ("html", _) => body("<html><script>alert(1)</script></html>"),
            ("huge", _) => says(&"x".repeat(10_000_000)),
            ("rejected", _) => fails(400, "maximum context length exceeded"),
            _ => says(&good()),
        }
    });
    let titles = [
        "fine",
        "slow",
        "silent",
        "busy",
        "fails-once",
        "fails",
        "cut-once",
        "cut",
        "broken",
        "empty",
        "wrong-schema-once",
        "wrong-schema",
        "html",
        "huge",
        "rejected",
    ];
    let bench = Bench::new(&titles);
    let settings = AnnotationSettings { workers: 4, ..plain() };
    let summary = bench.run(&remote(&stub), &settings).unwrap();
    assert_eq!((summary.annotated, summary.set_aside), (6, 9));
    let expected = ["busy", "cut-once", "fails-once", "fine", "slow", "wrong-schema-once"];
    assert_eq!(bench.annotated_ids(), expected);
    let aside = bench.set_aside();
    for (id, part) in [
        ("silent", "broke 3 times: timeout"),
        ("fails", "failed 3 times, with status 500 (\"oops, …\")"),
        ("cut", "broke 3 times"),
        ("broken", "no usable answer"),
        ("empty", "list of choices is empty"),
        ("wrong-schema", "unknown field `verdict`"),
        ("html", "begins \"<html><script>alert(1)</script></html>\""),
        ("huge", "more than the 1048576 bytes"),
        ("rejected", "status 400 (\"maximum context length exceeded\")"),
    ] {
        assert!(aside[id].reason.contains(part), "{id}: {}", aside[id].reason);
    }
    assert_eq!(aside["wrong-schema"].last_answer.as_deref(), Some("{\"verdict\": \"NTA\"}"));

    let count = |title: &str| {
        let requests = stub.requests();
        requests.iter().filter(|r| crate::bench::title(r.question()) == title).count()
    };
    let counts = ["fine", "busy", "fails", "cut", "broken", "huge", "wrong-schema", "rejected"];
    assert_eq!(counts.map(count), [1, 2, 3, 3, 3, 3, 3, 1]);
    assert!(!everything_under(&bench.out()).contains(SECRET));

    // Nothing of this is asked again.
    let before = stub.requests().len();
    let summary = bench.run(&remote(&stub), &settings).unwrap();
    assert_eq!((summary.already, summary.questions, stub.requests().len()), (15, 0, before));
}

#[test]
fn a_wrong_key_stops_everything_without_being_told() {
    let stub = Stub::acting(vec![fails(401, &format!("Incorrect API key: {SECRET}"))]);
    let bench = Bench::new(&["a", "b"]);
    let error = bench.run(&remote(&stub), &plain()).unwrap_err();
    for text in [error.to_string(), format!("{error:?}"), everything_under(&bench.out())] {
        assert!(!text.contains(SECRET), "{text}");
    }
    assert!(error.to_string().contains("Incorrect API key: …"), "{error}");
    assert_eq!(stub.requests().len(), 1);
}

#[test]
fn posts_are_asked_about_at_once_and_each_recorded_whole() {
    let stub = Stub::new(|_, _| Act::Late(Duration::from_millis(40), good()));
    let titles: Vec<String> = (0..40).map(|i| format!("p{i:02}")).collect();
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    let bench = Bench::new(&titles);
    let start = Instant::now();
    let settings = AnnotationSettings { workers: 8, ..plain() };
    let mut told = Vec::new();
    let progress = &mut |done| {
        told.push(done);
        true
    };
    annotate(&bench.posts(), &remote(&stub), &settings, &bench.out(), progress).unwrap();
    // One after the other would take 1600 ms.
    assert!(start.elapsed() < Duration::from_millis(1200), "{:?}", start.elapsed());
    assert_eq!(bench.annotated_ids(), titles);
    assert_eq!(told.last(), Some(&40));
    assert!(told.is_sorted());
}

#[test]
fn a_stop_is_heeded_while_the_server_is_silent() {
    let stub = Stub::new(|request, _| match title(request.question()) {
        "a" => says(&good()),
        _ => Act::Silence,
    });
    let bench = Bench::new(&["a", "b", "c"]);
    let start = Instant::now();
    let client = Client::new(stub.address.parse().unwrap(), None, ClientSettings::default());
    let annotator = RemoteAnnotator::new(ChatModel::new(client, "m"));
    let progress = &mut |done| done < 1 || start.elapsed() < Duration::from_millis(100);
    let stopped = annotate(&bench.posts(), &annotator, &plain(), &bench.out(), progress);
    assert!(stopped.unwrap_err().is_cancelled());
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(bench.annotated_ids(), ["a"]);
    assert!(bench.set_aside().is_empty());
}
