//! What a model reads of plain and of chat prompts.

use crate::model::Recipe;
use axia::respondent::{Embedded, Prompt, PromptReader, Respondent, Scoring};
use axia_engine::Model;
use axia_engine::score::{ScoreRow, score};

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
