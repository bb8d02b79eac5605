//! Servers that do something other than what they were asked.

use crate::bench::{RATINGS, chat, connect, connect_with, found, plain, score, settings};
use crate::language::log_likelihood;
use crate::remote_stub::{Act, Stub, body, fails, fails_with};
use crate::server::{ABLE, Behaviour, Echo, LISTS, TEXT_ALONE, serve};
use axia::respondent::{
    AnswerCache, Method, Reply, Respondent, RespondentError, Scoring, ServedError, Shape, State,
};
use axia_engine::EngineError;
use axia_engine::generate::Sampling;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn an_echo_that_is_none_is_found_out() {
    for (echo, state, part) in [
        (Echo::Ignored, State::Absent, "do not end in what was sent"),
        (Echo::Refused, State::Absent, "echo is not supported"),
        (Echo::Elsewhere, State::Absent, "do not end in what was sent"),
        (Echo::Constant, State::Untrue, "the same log-probability"),
        (Echo::Foresight, State::Untrue, "by what comes after it"),
        (Echo::Invented, State::Untrue, "in a prompt and"),
    ] {
        let stub = serve(Behaviour { echo, ..ABLE });
        let served = connect(&stub, Shape::Plain);
        let account = served.account();
        let (seen, words) = found(&account, "prompt, echo");
        assert!(seen == state && words.contains(part), "{seen:?}: {words}");
        assert_eq!(account.scoring, Method::FirstToken);
        assert_eq!(account.describe().contains("warning: prompt, echo"), state == State::Untrue);
    }
}

#[test]
fn an_honest_server_is_believed() {
    let account = connect(&serve(ABLE), Shape::Plain).account();
    for about in ["first token", "prompt, echo", "sampling", "seed"] {
        assert_eq!(found(&account, about).0, State::Works, "{about}");
    }
    let account = connect(&serve(ABLE), Shape::Chat).account();
    for about in ["first token", "begun answer", "sampling", "seed"] {
        assert_eq!(found(&account, about).0, State::Works, "{about}");
    }
}

#[test]
fn another_model_than_the_one_asked_for_is_told() {
    let account = connect(&serve(ABLE), Shape::Plain).account();
    assert_eq!(found(&account, "model").0, State::Works);
    let account = connect(&serve(Behaviour { name: "llama", ..ABLE }), Shape::Chat).account();
    let (state, words) = found(&account, "model");
    assert!(state == State::Untrue && words.contains("`llama`"), "{words}");
    assert!(account.describe().contains("warning: model: asked for `m`"), "{}", account.describe());
}

#[test]
fn lists_that_cannot_be_are_not_used() {
    for (behaviour, part) in [
        (Behaviour { constant_lists: true, ..LISTS }, "whatever is asked"),
        (Behaviour { inflated: true, ..LISTS }, "together"),
        (Behaviour { top: 1, ..LISTS }, "one comes"),
    ] {
        let account = connect(&serve(behaviour), Shape::Chat).account();
        let (state, words) = found(&account, "first token");
        assert!(state == State::Untrue && words.contains(part), "{state:?} {words}");
        assert_eq!(account.scoring, Method::Samples(20));
    }
    let account = connect(&serve(TEXT_ALONE), Shape::Chat).account();
    assert_eq!(found(&account, "first token").0, State::Absent);
}

#[test]
fn a_list_shorter_than_asked_for_is_said_to_be() {
    let account = connect(&serve(Behaviour { top: 5, ..LISTS }), Shape::Plain).account();
    let (state, words) = found(&account, "first token");
    assert_eq!(state, State::Works);
    assert!(words.contains("20 likeliest") && words.contains("5 come"), "{words}");
}

#[test]
fn what_is_refused_is_left_out() {
    let stub = serve(Behaviour { most_top: 5, strict: true, ..LISTS });
    let served = connect(&stub, Shape::Chat);
    assert_eq!(served.account().scoring, Method::FirstToken);
    score(&served, &[chat("How much?", "", &RATINGS)]).unwrap();
    let last = stub.requests().pop().unwrap().body;
    assert_eq!((&last["top_logprobs"], &last["top_k"]), (&5.into(), &serde_json::Value::Null));
    let (state, words) = found(&served.account(), "parameters");
    assert!(state == State::Absent && words.contains("top_k"), "{words}");
}

#[test]
fn a_begun_answer_that_is_not_gone_on_with_goes_into_the_question() {
    let stub = serve(Behaviour { prefill: false, ..LISTS });
    let served = connect(&stub, Shape::Chat);
    assert_eq!(found(&served.account(), "begun answer").0, State::Absent);
    score(&served, &[chat("How much?", "My rating: ", &RATINGS)]).unwrap();
    let last = stub.requests().pop().unwrap().body;
    let messages = last["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["content"], "How much?\n\nMy rating:");
}

#[test]
fn a_begun_answer_that_is_given_back_is_taken_off() {
    let replies = |repeats| {
        let stub = serve(Behaviour { repeats, ..LISTS });
        let served = connect(&stub, Shape::Chat);
        let (state, words) = found(&served.account(), "begun answer");
        assert_eq!((state, words.contains("given back")), (State::Works, repeats), "{words}");
        let Scoring { prompt, .. } = chat("How much?", "My 3 ratings: ", &RATINGS);
        let sampling = Sampling { temperature: 1.0, top_p: 1.0, top_k: 0 };
        let question = Reply { prompt, sampling, seed: 4, max_tokens: 5 };
        served.reply(&[question], &|_| false, &mut |_| true).unwrap()
    };
    assert_eq!(replies(true), replies(false));
}

#[test]
fn temperature_and_seed_that_are_not_heeded_are_noted() {
    let cold = connect(&serve(Behaviour { temperature: false, ..TEXT_ALONE }), Shape::Plain);
    let account = cold.account();
    let (state, words) = found(&account, "sampling");
    assert!(state == State::Untrue && words.contains("no more than one answer"), "{words}");
    assert_eq!(found(&account, "seed").0, State::Absent);
    assert!(account.describe().contains("warning: sampling"), "{}", account.describe());
    let account = connect(&serve(Behaviour { seed: false, ..TEXT_ALONE }), Shape::Plain).account();
    assert_eq!(found(&account, "sampling").0, State::Works);
    assert_eq!(found(&account, "seed").0, State::Untrue);
}

#[test]
fn a_server_that_answers_everything_alike_is_refused() {
    for shape in [Shape::Plain, Shape::Chat] {
        let stub = serve(Behaviour { constant: true, ..LISTS });
        let error = connect_with(&stub, settings(shape), AnswerCache::in_memory()).err().unwrap();
        assert!(matches!(&error, ServedError::Constant { answer, .. } if answer == "4"), "{error}");
    }
}

#[test]
fn a_missing_endpoint_says_what_else_to_try() {
    let stub = serve(Behaviour { completions: false, ..ABLE });
    let error =
        connect_with(&stub, settings(Shape::Plain), AnswerCache::in_memory()).err().unwrap();
    let message = error.to_string();
    assert!(message.contains("/v1/completions") && message.contains("--chat"), "{message}");
    assert!(error.is_input());
}

#[test]
fn a_server_that_changes_its_ways_is_caught_at_work() {
    let stub = crate::remote_stub::Stub::new(|request, number| {
        let later = request.body["prompt"].as_str().is_some_and(|text| text.contains("Later"));
        let echo = if later { Echo::Elsewhere } else { Echo::Honest };
        Behaviour { echo, ..ABLE }.act(request, number)
    });
    let served = connect(&stub, Shape::Plain);
    score(&served, &[plain("Rating: ", &RATINGS)]).unwrap();
    let message = score(&served, &[plain("Later: ", &RATINGS)]).unwrap_err().to_string();
    assert!(message.contains("when it was probed"), "{message}");
}

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
