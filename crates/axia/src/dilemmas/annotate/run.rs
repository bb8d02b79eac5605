//! Annotating a file of posts.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axia_engine::chat::ChatMessage;
use axia_engine::error::FileError;
use serde_json::json;

use super::asker::Asker;
use super::ledger::Ledger;
use super::posts::Posts;
use super::question::{LabelOrder, Quoted, post_text};
use super::records::Records;
use super::{AnnotateError, AnnotationSettings, AnnotationSummary, Annotator};
use crate::remote::each;
use crate::respondent::Progress;

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
