//! Commands that ask a served model, from end to end.

use crate::bench::RATINGS;
use crate::language::log_likelihood;
use crate::remote_stub::{Stub, fails};
use crate::said::Said;
use crate::server::{ABLE, Behaviour, LISTS, serve};
use serde_json::Value as Json;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

const KEY: &str = "sk-open-sesame";

struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn json_of(&self, name: &str) -> Json {
        serde_json::from_str(&std::fs::read_to_string(self.path(name)).unwrap()).unwrap()
    }

    fn run(&self, words: &str, address: &str) -> Said {
        Command::new(env!("CARGO_BIN_EXE_axia"))
            .args(words.split_whitespace())
            .args(["--respondent", address, "--served-model", "m"])
            .env("AXIA_RESPONDENT_KEY", KEY)
            .env("XDG_STATE_HOME", self.path("state"))
            .current_dir(self.folder.path())
            .output()
            .unwrap()
            .into()
    }

    fn ok(&self, words: &str, stub: &Stub) -> Said {
        let said = self.run(words, &stub.address);
        assert_eq!(said.code, 0, "{words}: {said:?}");
        said
    }
}

#[test]
fn a_profile_holds_the_expected_ratings_and_how_they_were_read() {
    let (bench, stub) = (Bench::new(), serve(ABLE));
    let words = "profile --limit 3 --variants few --out out --json";
    let profile: Json = serde_json::from_str(&bench.ok(words, &stub).out).unwrap();
    assert_eq!(profile, bench.json_of("out/profile.json"));
    assert_eq!((&profile["items"], &profile["replies"]), (&3.into(), &27.into()));
    let account = &profile["respondent"];
    assert_eq!(account["scoring"], "prompt-logprobs");
    assert_eq!((&account["model"], &account["shape"]), (&"m".into(), &"plain".into()));
    assert_eq!(account["captured"]["questions"], 27);
    assert_eq!(account["context"], 4096);
    let requests = stub.requests();
    assert!(requests.iter().all(|r| r.headers["authorization"] == format!("Bearer {KEY}")));

    // One answer, worked out from the prompt that was sent.
    let echoed = requests.iter().rev().find(|r| r.body["echo"] == true).unwrap();
    let prompt = echoed.body["prompt"].as_str().unwrap();
    let prompt = prompt.trim_end_matches(|c: char| c.is_ascii_digit());
    let weights = RATINGS.map(|rating| log_likelihood(prompt, rating).exp());
    let expected = weights.map(|w| w / weights.iter().sum::<f64>());
    let responses = std::fs::read_to_string(bench.path("out/responses.jsonl")).unwrap();
    let found = responses.lines().any(|line| {
        let response: Json = serde_json::from_str(line).unwrap();
        let scored = response["answer"]["scored"].as_array().unwrap();
        scored.iter().zip(expected).all(|(p, e)| (p.as_f64().unwrap() - e).abs() < 1e-9)
    });
    assert!(found, "{expected:?} is not among {responses}");
}

#[test]
fn an_interrupted_profile_goes_on_and_a_finished_one_needs_no_server() {
    let bench = Bench::new();
    let words = "profile --limit 3 --variants few --out out --json";
    // After some time the server takes nothing any more.
    let dying = Stub::new(|request, number| match number {
        80.. => fails(400, "gone"),
        _ => ABLE.act(request, number),
    });
    let said = bench.run(words, &dying.address);
    assert!(said.code != 0 && said.err.contains("gone"), "{said:?}");
    assert!(!bench.path("out/profile.json").exists());
    drop(dying);

    // Its address is a part of what was asked, so another server starts afresh.
    let stub = serve(ABLE);
    let said = bench.run(words, &stub.address);
    assert!(said.code == 2 && said.err.contains("served.url"), "{said:?}");
    let words = words.replace("--out out", "--out again");
    let whole = bench.ok(&words, &stub).out;
    let address = stub.address.clone();
    drop(stub);
    let offline = bench.run(&words, &address);
    assert_eq!((offline.code, &offline.out), (0, &whole), "{}", offline.err);
}

#[test]
fn the_table_says_how_answers_were_read() {
    let (bench, stub) = (Bench::new(), serve(LISTS));
    let said = bench.ok("profile --limit 2 --variants few --chat", &stub);
    for part in ["asked: m at http://127.0.0.1", "in chats", "likeliest first tokens", "mean 0."] {
        assert!(said.out.contains(part), "no `{part}` in {}", said.out);
    }
    for part in ["probing m", "first token", "begun answer", "seed"] {
        assert!(said.err.contains(part), "no `{part}` in {}", said.err);
    }
    let counted =
        bench.ok("profile --limit 1 --variants few --scoring samples --samples 3 --json", &stub);
    let counted: Json = serde_json::from_str(&counted.out).unwrap();
    assert_eq!(counted["respondent"]["scoring"], serde_json::json!({"samples": 3}));
    let sampled = bench.ok("profile --limit 1 --variants few --readout sampled --json", &stub);
    let sampled: Json = serde_json::from_str(&sampled.out).unwrap();
    assert_eq!((&sampled["readout"], &sampled["replies"]), (&"sampled".into(), &27.into()));
    assert_eq!(sampled["respondent"]["captured"], Json::Null);
}

#[test]
fn mistakes_are_explained() {
    let (bench, stub) = (Bench::new(), serve(Behaviour { completions: false, ..ABLE }));
    for (words, part) in [
        ("profile", "--chat"),
        ("profile --chat --scoring prompt-logprobs", "--scoring"),
        ("profile --chat --samples 0", "--samples must be at least 1"),
        ("profile some-model", "cannot be used with"),
        ("profile --adapter a", "cannot be used with"),
        ("judge runs/a", "cannot be used with"),
        ("play runs/a", "cannot be used with"),
        ("play --agent random", "has no meaning"),
    ] {
        let said = bench.run(words, &stub.address);
        assert!(said.code == 2 && said.err.contains(part), "{words}: {said:?}");
    }
    let said = bench.run("profile --chat", "not an address");
    assert!(said.code == 2 && said.err.contains("address"), "{said:?}");
    // A port that nobody listens at.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let said = bench.run("profile --chat", &address);
    assert!(said.code == 1 && said.err.contains("cannot reach"), "{said:?}");
}

#[test]
fn a_served_model_judges_without_a_run() {
    let (bench, stub) = (Bench::new(), serve(LISTS));
    let words = "judge --posts 20 --ways latin --out out";
    let said = bench.ok(words, &stub);
    for part in ["value of the post", "face", "scored by", "judgement.json"] {
        assert!(said.out.to_lowercase().contains(part), "no `{part}` in {}", said.out);
    }
    let judgement = bench.json_of("out/judgement.json");
    assert_eq!(judgement["verdicts"].as_object().unwrap().len(), 20);
    assert_eq!(judgement["respondent"]["captured"]["questions"], 60);
    assert_eq!(judgement["format_version"], 1);
    for row in judgement["values"].as_array().unwrap() {
        let p = |name: &str| row[name].as_f64().unwrap();
        assert!(p("high") > 0.0 && p("low") > 0.0 && p("high") + p("low") <= 1.0 + 1e-9, "{row}");
    }
    let before = stub.requests().len();
    bench.ok(words, &stub);
    assert_eq!(stub.requests().len(), before);
    assert_eq!(bench.json_of("out/judgement.json"), judgement);
}

#[test]
fn a_served_model_plays() {
    let (bench, stub) = (Bench::new(), serve(LISTS));
    for decide in ["score", "reply"] {
        let words = format!("play --game the-weir --max-steps 6 --decide {decide} --out {decide}");
        let said = bench.ok(&words, &stub);
        assert!(said.out.contains("points") && said.out.contains("asked: m"), "{}", said.out);
        let play = bench.json_of(&format!("{decide}/play.json"));
        assert_eq!(play["respondent"]["shape"], "chat");
        assert_eq!(play["respondent"]["captured"].is_null(), decide == "reply");
        let turns = std::fs::read_to_string(bench.path(&format!("{decide}/turns.jsonl"))).unwrap();
        assert!((1..=6).contains(&turns.lines().count()));
        let before = stub.requests().len();
        bench.ok(&words, &stub);
        assert_eq!(stub.requests().len(), before);
    }
    // A server without chats is asked in plain text.
    let stub = serve(Behaviour { chats: false, ..LISTS });
    bench.ok("play --game the-weir --max-steps 3 --decide score --out plain", &stub);
    assert_eq!(bench.json_of("plain/play.json")["respondent"]["shape"], "plain");
}
