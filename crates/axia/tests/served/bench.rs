//! What the tests share.

use crate::remote_stub::Stub;
use axia::remote::{ApiKey, Backoff, Client, ClientSettings};
use axia::respondent::{
    Account, AnswerCache, MethodChoice, Prompt, Respondent, RespondentError, Scoring, Served,
    ServedError, ServedSettings, Shape, State,
};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub fn client(stub: &Stub) -> Client {
    let backoff = Backoff {
        retries: 2,
        first: Duration::from_millis(5),
        longest: Duration::from_millis(10),
        longest_asked: Duration::from_secs(1),
    };
    let settings = ClientSettings { backoff, ..ClientSettings::default() };
    let key = ApiKey::new("sk-sesame", "KEY").unwrap();
    Client::new(stub.address.parse().unwrap(), key, settings)
}

pub fn settings(shape: Shape) -> ServedSettings {
    ServedSettings { shape, method: MethodChoice::Best, samples: 20, workers: 4 }
}

pub fn connect_with(
    stub: &Stub,
    settings: ServedSettings,
    cache: AnswerCache,
) -> Result<Served, ServedError> {
    Served::connect(client(stub), "m", cache, settings, &AtomicBool::new(false))
}

pub fn connect(stub: &Stub, shape: Shape) -> Served {
    connect_with(stub, settings(shape), AnswerCache::in_memory()).unwrap()
}

pub fn plain(text: &str, candidates: &[&str]) -> Scoring {
    let candidates = candidates.iter().map(|&c| c.to_owned()).collect();
    Scoring { prompt: Prompt::Plain(text.to_owned()), candidates }
}

pub fn chat(question: &str, answer: &str, candidates: &[&str]) -> Scoring {
    let prompt =
        Prompt::Chat { system: None, question: question.to_owned(), answer: answer.to_owned() };
    Scoring { prompt, ..plain("", candidates) }
}

pub const RATINGS: [&str; 6] = ["1", "2", "3", "4", "5", "6"];

pub fn score(served: &Served, questions: &[Scoring]) -> Result<Vec<Vec<f64>>, RespondentError> {
    served.score(questions, &mut |_| true)
}

/// State and words of what was found about `about`.
pub fn found(account: &Account, about: &str) -> (State, String) {
    let probe = account.probes.iter().find(|probe| probe.about == about);
    let probe = probe.unwrap_or_else(|| panic!("nothing about {about}: {account:?}"));
    (probe.state, probe.found.clone())
}

pub fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9, "{a} is not {b}");
}
