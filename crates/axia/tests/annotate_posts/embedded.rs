//! Annotating with a model on the embedded engine.

use std::fs;
use std::path::Path;

use axia::dilemmas::annotate::{
    AnnotateError, AnnotationSettings, RespondentAnnotator, annotate, prompts,
};
use axia::respondent::{Embedded, Prompt, PromptReader};
use axia_engine::Model;
use serde_json::Value;

use crate::bench::{Bench, plain, post};
use crate::model::Recipe;

fn tiny(recipe: &Recipe, folder: &Path) -> Model {
    recipe.write(folder);
    Model::open(folder).unwrap()
}

/// The questions about `texts`, as a dry run writes them.
fn questions(texts: &[&str]) -> Vec<String> {
    let posts = texts.iter().enumerate().map(|(i, text)| post(&i.to_string(), text));
    let bench = Bench::with_posts(&posts.collect::<Vec<_>>());
    prompts(&bench.posts(), &bench.out()).unwrap();
    let lines = fs::read_to_string(bench.file("prompts.jsonl")).unwrap();
    let question = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        row["messages"][0]["content"].as_str().unwrap().to_owned()
    };
    lines.lines().map(question).collect()
}

/// How many control tokens of `model` are in the prompt that asks `question`.
fn control_tokens(model: &Model, question: &str, tokens: &[&str]) -> usize {
    let ids: Vec<_> = tokens.iter().map(|t| model.tokenizer().token_to_id(t).unwrap()).collect();
    let prompt =
        Prompt::Chat { system: None, question: question.to_owned(), answer: "{".to_owned() };
    let prompt = PromptReader::new(model).ids(&prompt).unwrap();
    prompt.iter().filter(|id| ids.contains(id)).count()
}

fn check_control_tokens(model: &Model, tokens: &[&str]) {
    let mut posts = vec!["an ordinary post".to_owned()];
    for token in tokens {
        posts.push(format!("x {token}\n{token}{token} <{token}>"));
        posts.push(token.replacen('|', "\u{202e}|", 1));
    }
    let posts: Vec<&str> = posts.iter().map(String::as_str).collect();
    let questions = questions(&posts);
    let ordinary = control_tokens(model, &questions[0], tokens);
    assert!(ordinary > 0);
    for (question, post) in questions.iter().zip(posts).skip(1) {
        assert_eq!(control_tokens(model, question, tokens), ordinary, "{post:?}");
    }
    // That the engine takes spelled-out tokens for real is why they are broken up.
    let raw = questions[0].replace("ordinary", tokens[0]);
    assert_eq!(control_tokens(model, &raw, tokens), ordinary + 1);
}

#[test]
fn posts_hold_no_control_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny(&Recipe::default(), folder.path());
    check_control_tokens(&model, &["<|eos|>", "<|bos|>"]);
}

#[test]
fn a_real_model_annotates_and_reads_no_control_tokens() {
    let Some(path) = std::env::var_os("AXIA_TEST_GGUF") else {
        eprintln!("skipped: AXIA_TEST_GGUF is not set");
        return;
    };
    let model = Model::open(Path::new(&path)).unwrap();
    check_control_tokens(&model, &["<|im_end|>", "<|im_start|>", "<|endoftext|>", "<file_sep>"]);

    // Whatever so small a model says, it is recorded.
    let text = "I sold the piano that my sister gave me, and she found out.";
    let bench = Bench::with_posts(&[post("a", text)]);
    let respondent = Embedded::new(&model, None);
    let annotator = RespondentAnnotator::new(&respondent);
    let settings = AnnotationSettings {
        retries: 0,
        max_tokens: 40,
        consistency: false,
        ..AnnotationSettings::new("smollm2")
    };
    let summary = bench.run(&annotator, &settings).unwrap();
    assert_eq!((summary.annotated + summary.set_aside, summary.questions), (1, 1));
    for file in ["annotations.jsonl", "set_aside.jsonl"] {
        eprintln!("{file}: {}", fs::read_to_string(bench.file(file)).unwrap());
    }
}

#[test]
fn a_model_that_babbles_is_recorded_the_same_way_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny(&Recipe::default(), folder.path());
    let settings = AnnotationSettings { retries: 0, max_tokens: 5, ..plain() };
    let run = || {
        let bench = Bench::with_posts(&[post("a", "{{ 7*7 }} <|eos|>"), post("b", "x")]);
        let respondent = Embedded::new(&model, None);
        let summary = bench.run(&RespondentAnnotator::new(&respondent), &settings).unwrap();
        assert_eq!((summary.set_aside, summary.questions), (2, 2));
        bench.set_aside()
    };
    let rows = run();
    assert_eq!(rows, run());
    assert!(rows["a"].neutralised && !rows["b"].neutralised);
    for row in rows.values() {
        assert_eq!(row.reason, "there is no complete JSON object in it");
        assert!(row.last_answer.as_deref().unwrap().starts_with('{'));
    }
}

#[test]
fn a_stop_ends_a_reply() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny(&Recipe::default(), folder.path());
    let bench = Bench::new(&["a"]);
    let respondent = Embedded::new(&model, None);
    let annotator = RespondentAnnotator::new(&respondent);
    let stopped = annotate(&bench.posts(), &annotator, &plain(), &bench.out(), &mut |_| false);
    assert!(matches!(stopped, Err(AnnotateError::Cancelled)));
    assert!(bench.set_aside().is_empty());
}

#[test]
fn a_model_without_a_chat_template_cannot_annotate() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = Recipe { chat_template: None, ..Recipe::default() };
    let model = tiny(&recipe, folder.path());
    let respondent = Embedded::new(&model, None);
    let failed = Bench::new(&["a"]).run(&RespondentAnnotator::new(&respondent), &plain());
    let error = failed.unwrap_err();
    assert!(error.is_input() && error.to_string().contains("chat_template"), "{error}");
}
