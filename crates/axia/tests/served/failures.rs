//! Servers and connections that fail.

use crate::bench::{RATINGS, connect, connect_with, plain, score, settings};
use crate::language::log_likelihood;
use crate::remote_stub::{Act, Stub, body, fails, fails_with};
use crate::server::ABLE;
use axia::respondent::{AnswerCache, Respondent, RespondentError, Shape};
use axia_engine::EngineError;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A server that fails at every other request, each time in another way.
fn unreliable() -> Stub {
    let trouble = AtomicUsize::new(0);
    Stub::new(move |request, number| {
        if number % 2 == 1 {
            return ABLE.act(request, number);
        }
        match trouble.fetch_add(1, Ordering::Relaxed) % 5 {
            0 => fails_with(429, "Retry-After: 0.01", "slow down"),
            1 => fails(500, "out of memory"),
            2 => Act::HangUp,
            3 => Act::Cut(500, b"{\"choices\": [".to_vec()),
            _ => body("{\"choices\": ["),
        }
    })
}

#[test]
fn failures_in_passing_change_nothing() {
    // One question at a time, so that no failure follows another.
    let wanted = axia::respondent::ServedSettings { workers: 1, ..settings(Shape::Plain) };
    let stub = unreliable();
    let served = connect_with(&stub, wanted, AnswerCache::in_memory()).unwrap();
    let questions: Vec<_> = (0..5).map(|i| plain(&format!("{i}. Rating: "), &RATINGS)).collect();
    let scores = score(&served, &questions).unwrap();
    for (i, scores) in scores.iter().enumerate() {
        for (candidate, &score) in RATINGS.iter().zip(scores) {
            let expected = log_likelihood(&format!("{i}. Rating: "), candidate);
            assert!((score - expected).abs() < 1e-9);
        }
    }
}

#[test]
fn a_failure_that_lasts_ends_the_work_with_its_reason() {
    let stub = Stub::new(|request, number| {
        match request.body["prompt"].as_str().is_some_and(|text| text.starts_with("3")) {
            true => fails(400, "prompt too long"),
            false => ABLE.act(request, number),
        }
    });
    let served = connect(&stub, Shape::Plain);
    let questions: Vec<_> = (0..5).map(|i| plain(&format!("{i}. Rating: "), &RATINGS)).collect();
    let message = score(&served, &questions).unwrap_err().to_string();
    assert!(message.contains("prompt too long") && message.contains("400"), "{message}");
}

#[test]
fn a_key_that_is_refused_is_not_shown() {
    let stub = Stub::acting(vec![fails(401, "bad key sk-sesame")]);
    let error = connect_with(&stub, settings(Shape::Chat), AnswerCache::in_memory()).err().unwrap();
    let message = error.to_string();
    assert!(message.contains("401") && !message.contains("sesame"), "{message}");
    assert!(error.is_input());
}

#[test]
fn a_stop_is_heeded_at_once() {
    let silent = Stub::new(|request, number| {
        match request.body["prompt"].as_str().is_some_and(|text| text.contains("Rating")) {
            true => Act::Silence,
            false => ABLE.act(request, number),
        }
    });
    let served = connect(&silent, Shape::Plain);
    let mut looks = 0;
    let stopped = served.score(&[plain("Rating: ", &RATINGS)], &mut |_| {
        looks += 1;
        looks < 3
    });
    assert!(matches!(stopped, Err(RespondentError::Engine(EngineError::Cancelled))));
}
