//! Posts in a folder, and annotators to ask about them.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axia::dilemmas::Candidate;
use axia::dilemmas::annotate::{
    AnnotateError, Annotation, AnnotationSettings, AnnotationSummary, Annotator, AnnotatorError,
    Draw, RemoteAnnotator, SetAside, annotate, annotations, set_aside,
};
use axia::remote::{ApiKey, Backoff, ChatModel, Client, ClientSettings, RemoteError};
use axia_values::dilemma::{Provenance, Submission};
use serde_json::json;
use tempfile::TempDir;

use crate::remote_stub::Stub;

/// The key that no file or message may hold.
pub const SECRET: &str = "sk-open-sesame";

/// An answer as the prompt wants it.
pub fn answer(value: &str, high: &str, low: &str) -> String {
    json!({"value": value, "value_reason": format!("{value} is at stake"),
        "high_stance": high, "high_reason": "high r", "low_stance": low, "low_reason": "low r"})
    .to_string()
}

pub fn good() -> String {
    answer("face", "NTA", "YTA")
}

pub fn malformed() -> AnnotatorError {
    RemoteError::Malformed { url: "http://h/v1".into(), problem: "nothing in it".into() }.into()
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub question: String,
    pub draw: Draw,
}

pub type Answers<'a> = dyn Fn(&str, usize) -> Result<String, AnnotatorError> + Sync + 'a;

/// An annotator that answers by the post's title and the number of questions about it so far.
pub struct Fake<'a> {
    answers: &'a Answers<'a>,
    asked: Mutex<Vec<Asked>>,
}

impl<'a> Fake<'a> {
    pub fn new(answers: &'a Answers<'a>) -> Self {
        Self { answers, asked: Mutex::default() }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// The title of the post that a question is about.
pub fn title(question: &str) -> &str {
    question.split("\n<post>\n").nth(1).unwrap().lines().next().unwrap()
}

impl Annotator for Fake<'_> {
    fn reply(&self, question: &str, draw: &Draw, _: &AtomicBool) -> Result<String, AnnotatorError> {
        let number = {
            let mut asked = self.asked.lock().unwrap();
            let number = asked.iter().filter(|a| title(&a.question) == title(question)).count();
            asked.push(Asked { question: question.to_owned(), draw: *draw });
            number
        };
        (self.answers)(title(question), number)
    }
}

/// A folder with posts, and the annotation that goes on in it.
pub struct Bench {
    folder: TempDir,
}

impl Bench {
    pub fn new(titles: &[&str]) -> Self {
        let posts: Vec<_> = titles.iter().map(|title| post(title, "I did it.")).collect();
        Self::with_posts(&posts)
    }

    pub fn with_posts(posts: &[Candidate]) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        let lines = posts.iter().map(|post| serde_json::to_string(post).unwrap() + "\n");
        fs::write(bench.posts(), lines.collect::<String>()).unwrap();
        bench
    }

    pub fn posts(&self) -> PathBuf {
        self.folder.path().join("posts.jsonl")
    }

    pub fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.out().join(name)
    }

    pub fn run(
        &self,
        annotator: &dyn Annotator,
        settings: &AnnotationSettings,
    ) -> Result<AnnotationSummary, AnnotateError> {
        annotate(&self.posts(), annotator, settings, &self.out(), &mut |_| true)
    }

    pub fn annotations(&self) -> Vec<Annotation> {
        annotations(&self.out()).unwrap()
    }

    pub fn set_aside(&self) -> HashMap<String, SetAside> {
        let rows = set_aside(&self.out()).unwrap();
        rows.into_iter().map(|row| (row.id.clone(), row)).collect()
    }

    pub fn annotated_ids(&self) -> Vec<String> {
        self.annotations().into_iter().map(|row| row.dilemma.id).collect()
    }
}

/// A post whose id is its title.
pub fn post(title: &str, text: &str) -> Candidate {
    Candidate {
        id: title.to_owned(),
        subreddit: "AmItheAsshole".to_owned(),
        permalink: format!("/r/AmItheAsshole/comments/{title}/"),
        score: -3,
        created_utc: 1_600_000_000,
        title: title.to_owned(),
        text: text.to_owned(),
    }
}

/// One vote and no question about consistency.
pub fn plain() -> AnnotationSettings {
    AnnotationSettings { consistency: false, ..AnnotationSettings::new("m") }
}

pub fn submission(row: &Annotation) -> &Submission {
    match &row.dilemma.provenance {
        Provenance::Submission(submission) => submission,
        other => panic!("{other:?}"),
    }
}

pub fn quick() -> ClientSettings {
    let backoff = Backoff {
        retries: 2,
        first: Duration::from_millis(10),
        longest: Duration::from_millis(20),
        longest_asked: Duration::from_secs(1),
    };
    ClientSettings { backoff, read: Duration::from_millis(400), ..ClientSettings::default() }
}

pub fn remote(stub: &Stub) -> RemoteAnnotator {
    let key = ApiKey::new(SECRET, "KEY").unwrap();
    let client = Client::new(stub.address.parse().unwrap(), key, quick());
    RemoteAnnotator::new(ChatModel::new(client, "m"))
}
