//! Annotating a file of posts.

use super::asker::{Asker, Outcome};
use super::question::{LabelOrder, Quoted, post_text};
use super::records::Records;
use super::{AnnotateError, AnnotationSettings, Annotator, AnnotatorError, SetAside};
use crate::dilemmas::Candidate;
use crate::remote::each;
use crate::respondent::Progress;
use axia_engine::chat::ChatMessage;
use axia_engine::error::FileError;
use serde_json::json;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const PROMPTS: &str = "prompts.jsonl";

/// Asks `annotator` about every candidate in the JSON lines of `posts` and appends what comes of
/// it to `folder`: [`super::Annotation`]s to `annotations.jsonl`, [`super::SetAside`]s to
/// `set_aside.jsonl`, in the order in which they come.
///
/// Posts whose id is in either file already are not asked about again, so a killed annotation
/// goes on where it was; `annotation.json` holds the settings, with which alone it may go on.
/// `progress` is told the number of posts done, those of before included, and is asked several
/// times a second whether to go on.
///
/// # Errors
/// [`AnnotateError`]; what was annotated until then is kept.
pub fn annotate(
    posts: &Path,
    annotator: &dyn Annotator,
    settings: &AnnotationSettings,
    folder: &Path,
    progress: Progress,
) -> Result<AnnotationSummary, AnnotateError> {
    settings.check()?;
    let mut input = Posts::open(posts)?;
    let records = Records::open(folder, settings)?;
    let cancel = AtomicBool::new(false);
    let asker = Asker::new(annotator, settings, &cancel);
    let known = records.ids();
    let mut ledger = Ledger::new(records);
    let already = AtomicUsize::new(0);
    // After a failure that spoils every question no further post is taken.
    let spoiled = AtomicBool::new(false);
    let open = std::iter::from_fn(|| {
        if spoiled.load(Ordering::Relaxed) {
            return None;
        }
        input.find(|post| {
            let is_known = post.as_ref().is_ok_and(|post| known.contains(&post.id));
            already.fetch_add(usize::from(is_known), Ordering::Relaxed);
            !is_known
        })
    });
    let flow = each(
        settings.workers,
        open,
        &cancel,
        |post| {
            let outcome = post.and_then(|post| Ok(asker.annotate(&post)?));
            spoiled.fetch_or(outcome.is_err(), Ordering::Relaxed);
            outcome
        },
        |outcome| {
            let kept = outcome.map_or(Ok(()), |outcome| ledger.keep(outcome?));
            let done = already.load(Ordering::Relaxed) + ledger.done();
            match kept {
                Ok(()) if progress(done) => ControlFlow::Continue(()),
                Ok(()) => ControlFlow::Break(AnnotateError::Cancelled),
                Err(error) => ControlFlow::Break(error),
            }
        },
    );
    match flow {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => {
            let summary = ledger.finish()?;
            let already = already.into_inner();
            Ok(AnnotationSummary { already, questions: asker.questions(), ..summary })
        }
    }
}

/// Writes the first question about every post to `prompts.jsonl` in `folder`, without asking
/// anybody: one object a line, with `id` and `messages`. Gives their number.
///
/// # Errors
/// [`AnnotateError::File`], [`AnnotateError::Post`].
pub fn prompts(posts: &Path, folder: &Path) -> Result<usize, AnnotateError> {
    let input = Posts::open(posts)?;
    std::fs::create_dir_all(folder).map_err(FileError::on("create the folder", folder))?;
    let path = folder.join(PROMPTS);
    let part = folder.join(format!(".{PROMPTS}.part"));
    let mut file = BufWriter::new(File::create(&part).map_err(FileError::on("write", &part))?);
    let mut count = 0;
    for post in input {
        let post = post?;
        let question = Quoted::new(&post_text(&post)).question(LabelOrder::Usual, None);
        let line = json!({"id": post.id, "messages": [ChatMessage::user(question)]});
        writeln!(file, "{line}").map_err(FileError::on("write", &part))?;
        count += 1;
    }
    file.flush()
        .and_then(|()| std::fs::rename(&part, &path))
        .map_err(FileError::on("write", &path))?;
    Ok(count)
}

/// After so many posts in a row without an answer, the fault is taken to be the annotator's.
const MOST_UNANSWERED: usize = 10;

/// What came of an annotation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AnnotationSummary {
    /// Posts annotated this time.
    pub annotated: usize,
    /// Posts set aside this time.
    pub set_aside: usize,
    /// Posts that had been annotated or set aside before.
    pub already: usize,
    /// Questions asked this time, retries included.
    pub questions: usize,
}

/// Writes outcomes down.
///
/// A post that got no answer is set aside only once the annotator has answered about another: if
/// it answers about none, no post is at fault, and all are asked about again the next time.
pub(super) struct Ledger {
    records: Records,
    summary: AnnotationSummary,
    answered: bool,
    unanswered: Vec<(SetAside, AnnotatorError)>,
}

impl Ledger {
    pub(super) fn new(records: Records) -> Self {
        let answered = records.answered();
        let summary = AnnotationSummary::default();
        Self { records, summary, answered, unanswered: Vec::new() }
    }

    /// Posts annotated and set aside.
    pub(super) fn done(&self) -> usize {
        self.summary.annotated + self.summary.set_aside
    }

    pub(super) fn keep(&mut self, outcome: Outcome) -> Result<(), AnnotateError> {
        match outcome {
            Outcome::Annotated(row) => {
                self.answered()?;
                self.summary.annotated += 1;
                self.records.annotate(&row)
            }
            Outcome::Unusable(row) => {
                self.answered()?;
                self.set_aside(&row)
            }
            Outcome::Unfit(row) => self.set_aside(&row),
            Outcome::Unanswered(row, error) => {
                self.unanswered.push((row, error));
                match self.unanswered.len() < MOST_UNANSWERED {
                    true => Ok(()),
                    false => self.blame_annotator(),
                }
            }
        }
    }

    /// Ends the annotation, after which all posts are done.
    pub(super) fn finish(mut self) -> Result<AnnotationSummary, AnnotateError> {
        match self.answered {
            true => self.answered()?,
            false => self.blame_annotator()?,
        }
        Ok(self.summary)
    }

    /// The annotator does answer, so the posts that it did not answer are at fault.
    fn answered(&mut self) -> Result<(), AnnotateError> {
        self.answered = true;
        for (row, _) in std::mem::take(&mut self.unanswered) {
            self.set_aside(&row)?;
        }
        Ok(())
    }

    fn set_aside(&mut self, row: &SetAside) -> Result<(), AnnotateError> {
        self.summary.set_aside += 1;
        self.records.set_aside(row)
    }

    /// An error if posts went unanswered.
    fn blame_annotator(&mut self) -> Result<(), AnnotateError> {
        let posts = self.unanswered.len();
        match self.unanswered.pop() {
            Some((_, last)) => Err(AnnotateError::NoAnswers { posts, last }),
            None => Ok(()),
        }
    }
}

/// Reads candidates line by line, each id once.
pub(super) struct Posts {
    path: PathBuf,
    lines: io::Lines<BufReader<File>>,
    line: usize,
    seen: HashSet<String>,
}

impl Posts {
    pub(super) fn open(path: &Path) -> Result<Self, AnnotateError> {
        let file = File::open(path).map_err(FileError::on("open", path))?;
        let lines = BufReader::new(file).lines();
        Ok(Self { path: path.to_owned(), lines, line: 0, seen: HashSet::new() })
    }

    fn read(&mut self, line: io::Result<String>) -> Result<Candidate, AnnotateError> {
        self.line += 1;
        let text = line.map_err(FileError::on("read", &self.path))?;
        serde_json::from_str(&text).map_err(|e| AnnotateError::Post {
            path: self.path.clone(),
            line: self.line,
            problem: e.to_string(),
        })
    }
}

impl Iterator for Posts {
    type Item = Result<Candidate, AnnotateError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.lines.next()?;
            match self.read(line) {
                Ok(post) if !self.seen.insert(post.id.clone()) => {}
                result => return Some(result),
            }
        }
    }
}
