//! A model on the embedded engine.

use std::sync::atomic::{AtomicBool, Ordering};

use axia_engine::generate::Sampling;

use super::answer::object;
use super::{Annotator, AnnotatorError, Draw};
use crate::respondent::{Prompt, Reply, Respondent};

/// How every usable answer begins: small models are kept from chatting first.
const BEGINNING: &str = "{";

/// Asks a respondent in its chat format.
///
/// The embedded engine uses all cores for one reply, so one worker is best.
pub struct RespondentAnnotator<'a> {
    respondent: &'a (dyn Respondent + Sync),
}

impl<'a> RespondentAnnotator<'a> {
    /// An annotator that asks `respondent`.
    #[must_use]
    pub fn new(respondent: &'a (dyn Respondent + Sync)) -> Self {
        Self { respondent }
    }
}

impl Annotator for RespondentAnnotator<'_> {
    fn reply(
        &self,
        question: &str,
        draw: &Draw,
        cancel: &AtomicBool,
    ) -> Result<String, AnnotatorError> {
        let reply = Reply {
            prompt: Prompt::Chat {
                system: None,
                question: question.to_owned(),
                answer: BEGINNING.to_owned(),
            },
            sampling: Sampling { temperature: draw.temperature, ..Sampling::GREEDY },
            seed: draw.seed,
            max_tokens: draw.max_tokens,
        };
        let cancelled = || cancel.load(Ordering::Relaxed);
        let whole = |text: &str| format!("{BEGINNING}{text}");
        let done = |text: &str| cancelled() || object(&whole(text)).is_some();
        let replies = self.respondent.reply(&[reply], &done, &mut |_| !cancelled())?;
        Ok(replies.first().map(|text| whole(text)).unwrap_or_default())
    }
}
