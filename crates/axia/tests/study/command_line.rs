//! Help, completions and lists.

use crate::bench::Bench;
use crate::model::Recipe;
use axia::respondent::{Embedded, Prompt, PromptReader, Respondent, Scoring};
use axia_engine::Model;
use axia_engine::score::{ScoreRow, score};
use std::io::Read;
use std::process::Stdio;

const COMMANDS: [&str; 11] = [
    "run",
    "profile",
    "steer",
    "report",
    "serve",
    "data",
    "pull",
    "models",
    "completions",
    "score",
    "train",
];

#[test]
fn every_command_has_help() {
    let bench = Bench::new();
    let all = bench.ok("--help");
    for command in COMMANDS {
        assert!(all.contains(&format!("  {command} ")), "no {command} in {all}");
        let help = bench.ok(&format!("{command} --help"));
        assert!(help.contains(&format!("Usage: axia {command}")), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
    assert!(bench.ok("--version").starts_with("axia 0."));
}

#[test]
fn words_that_mean_nothing_are_refused() {
    let bench = Bench::new();
    bench.fails("", 2, &["Usage: axia"]);
    bench.fails("prfile", 2, &["prfile", "profile"]);
    bench.fails("profile --jsno", 2, &["--jsno", "--json"]);
    bench.fails("completions cobol", 2, &["cobol", "bash"]);
}

#[test]
fn completions_know_every_command() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = bench.ok(&format!("completions {shell}"));
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
}

#[test]
fn known_models_are_listed() {
    let bench = Bench::new();
    let models = bench.json("models --json");
    let model = &models[0];
    assert_eq!(model["name"], "smollm2-135m-instruct");
    assert_eq!(model["present"], false);
    assert!(model["path"].as_str().unwrap().starts_with(bench.path("cache").to_str().unwrap()));
    let table = bench.ok("models");
    assert!(table.contains("smollm2-135m-instruct") && table.contains("Apache-2.0"), "{table}");
}

/// As `axia … | head -c 1`.
#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let bench = Bench::new();
    bench.write("rows.jsonl", "{\"prompt\": \"a\", \"candidates\": [\"b\"]}\n");
    for words in [
        "models",
        "models --json",
        "completions bash",
        "score --model model --rows rows.jsonl",
        "profile model --survey survey.toml",
        "profile model --survey survey.toml --json",
        "run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --dry-run",
    ] {
        let mut child = bench.command(words).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let status = child.wait().unwrap();
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert!(status.success(), "{words}: {status} {err}");
        assert!(!err.contains("panicked"), "{words}: {err}");
    }
}

fn model(begins_texts: bool) -> (tempfile::TempDir, Model) {
    let folder = tempfile::tempdir().unwrap();
    Recipe { begins_texts, ..Recipe::default() }.write(folder.path());
    let model = Model::open(folder.path()).unwrap();
    (folder, model)
}

#[test]
fn texts_begin_as_the_tokenizer_wants_but_once() {
    let plain = Prompt::Plain("ab".to_owned());
    let begun = Prompt::Plain("<|bos|>ab".to_owned());
    let chat = Prompt::Chat { system: None, question: "ab".to_owned(), answer: String::new() };
    let (_folder, silent) = model(false);
    let (_other, beginning) = model(true);
    let ids = |model: &Model, prompt: &Prompt| PromptReader::new(model).ids(prompt).unwrap();
    assert_eq!(ids(&silent, &plain), [97, 98]);
    assert_eq!(ids(&beginning, &plain), [256, 97, 98]);
    assert_eq!(ids(&beginning, &begun), [256, 97, 98]);
    // The template writes it out itself.
    let rendered = ids(&silent, &chat);
    assert_eq!((rendered[0], rendered[1]), (256, u32::from(b'u')));
    assert_eq!(ids(&beginning, &chat), rendered);
}

#[test]
fn candidates_follow_what_begins_a_text() {
    let (_folder, model) = model(true);
    let question =
        Scoring { prompt: Prompt::Plain("ab".to_owned()), candidates: vec!["c".to_owned()] };
    let found = Embedded::new(&model, None).score(&[question], &mut |_| true).unwrap();
    let row = ScoreRow { prompt: vec![256, 97, 98], candidates: vec![vec![99]] };
    let expected = score(model.decoder(), None, &[row], 100, |_| true).unwrap().rows;
    assert_eq!(found, expected);
}
