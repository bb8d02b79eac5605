//! Answers that are kept.

use crate::bench::{RATINGS, client, connect_with, plain, score, settings};
use crate::remote_stub::{Request, Stub, fails};
use crate::server::{ABLE, Behaviour, TEXT_ALONE, serve};
use axia::respondent::{AnswerCache, Respondent, Scoring, Served, Shape};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn questions() -> Vec<Scoring> {
    (0..12).map(|i| plain(&format!("{i}. Rating: "), &RATINGS)).collect()
}

fn connect(stub: &Stub, folder: &Path) -> Served {
    connect_with(stub, settings(Shape::Plain), AnswerCache::open(folder).unwrap()).unwrap()
}

/// Requests other than for the list of models, which says nothing that is kept.
fn requests(stub: &Stub) -> Vec<Request> {
    stub.requests().into_iter().filter(|request| request.path != "/v1/models").collect()
}

fn asked(stub: &Stub) -> usize {
    requests(stub).len()
}

#[test]
fn nothing_is_asked_twice() {
    for behaviour in [ABLE, TEXT_ALONE, Behaviour { seed: false, ..TEXT_ALONE }] {
        let folder = tempfile::tempdir().unwrap();
        let stub = serve(behaviour);
        let first = connect(&stub, folder.path());
        let scores = score(&first, &questions()).unwrap();
        let before = asked(&stub);
        let second = connect(&stub, folder.path());
        assert_eq!(score(&second, &questions()).unwrap(), scores);
        assert_eq!(asked(&stub), before);
        assert_eq!(second.account(), first.account());
    }
}

#[test]
fn a_stopped_run_asks_for_the_rest_alone() {
    let folder = tempfile::tempdir().unwrap();
    // While the run is to be stopped, the last questions get no answers: however late the stop is
    // heard of, there are questions left.
    let answers_all = Arc::new(AtomicBool::new(true));
    let may_answer = Arc::clone(&answers_all);
    let stub = Stub::new(move |request, number| {
        let prompt = request.body["prompt"].as_str().unwrap_or_default();
        let is_late = ["9. ", "10. ", "11. "].iter().any(|start| prompt.starts_with(start));
        let start = Instant::now();
        while is_late && !may_answer.load(Ordering::SeqCst) && start.elapsed().as_secs() < 20 {
            thread::sleep(Duration::from_millis(5));
        }
        ABLE.act(request, number)
    });
    let whole = {
        let served = connect(&stub, tempfile::tempdir().unwrap().path());
        let before = asked(&stub);
        score(&served, &questions()).unwrap();
        asked(&stub) - before
    };
    let served = connect(&stub, folder.path());
    let before = asked(&stub);
    answers_all.store(false, Ordering::SeqCst);
    let mut stop_at_five = |done| {
        answers_all.store(done >= 5, Ordering::SeqCst);
        done < 5
    };
    assert!(served.score(&questions(), &mut stop_at_five).is_err());
    drop(served);
    // Requests under way when the stop came are asked again.
    let first = asked(&stub) - before;
    assert!(first < whole, "{first} of {whole}");
    let kept = std::fs::read_dir(folder.path()).unwrap().map(|entry| {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        text.lines().filter(|line| line.contains("Rating")).count()
    });
    let kept: usize = kept.sum();
    assert!(kept >= 5 * 6, "{kept} answers are kept");
    let served = connect(&stub, folder.path());
    let before = asked(&stub);
    score(&served, &questions()).unwrap();
    // A request that the stopped run gave up may reach the stub only now. Its answer was never
    // kept, so that it counts as one of the rest.
    let rest: HashSet<String> =
        requests(&stub)[before..].iter().map(|request| request.body.to_string()).collect();
    assert_eq!(rest.len(), whole - kept);
}

#[test]
fn other_models_have_answers_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let stub = serve(ABLE);
    connect(&stub, folder.path());
    let before = asked(&stub);
    let cache = AnswerCache::open(folder.path()).unwrap();
    let cancel = AtomicBool::new(false);
    Served::connect(client(&stub), "another", cache, settings(Shape::Plain), &cancel).unwrap();
    assert!(asked(&stub) > before);
}

#[test]
fn failures_are_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let stub = Stub::new(|request, number| {
        match request.body["prompt"].as_str().is_some_and(|text| text.starts_with("7")) {
            true => fails(500, "oh"),
            false => ABLE.act(request, number),
        }
    });
    let served = connect(&stub, folder.path());
    assert!(score(&served, &questions()).is_err());
    drop(stub);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains("\"7. ") && !text.contains("sk-sesame"));
    }
}
