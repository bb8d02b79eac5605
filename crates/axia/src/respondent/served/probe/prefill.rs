//! Whether the model can be made to go on with a beginning of its answer.

use crate::respondent::Prompt;
use crate::respondent::served::ServedError;
use crate::respondent::served::account::{Finding, State};
use crate::respondent::served::asking::Asking;
use crate::respondent::served::asking::Prefill;
use crate::respondent::served::wording::{Draw, PLAIN};
use axia_engine::generate::Sampling;
use std::sync::atomic::AtomicBool;

/// A list that even a small model goes on with.
const QUESTION: &str = "Count from one to nine in words, on one line: one two three four five six \
                        seven eight nine";
const BEGUN: &str = "one two three four five six";
const NEXT: &str = "seven";
/// Too few for a model that begins anew to get to what is next.
const TOKENS: usize = 6;

/// Finds a way, and sets it.
///
/// # Errors
/// [`ServedError`] where the server does not answer.
pub(super) fn probe(asking: &mut Asking, cancel: &AtomicBool) -> Result<Finding, ServedError> {
    let about = "begun answer";
    let mut heard = String::new();
    for (prefill, how) in [
        (Prefill::Flagged, "continue_final_message"),
        (Prefill::Plain, "a last message of its own"),
    ] {
        asking.abilities.prefill = prefill;
        match goes_on(asking, cancel)? {
            None => {}
            Some(Ok(repeats)) => {
                asking.abilities.repeats = repeats;
                let repeated = if repeats { "; it is given back with the answer" } else { "" };
                let found = format!("gone on with, by {how}{repeated}");
                return Ok(Finding::new(about, State::Works, found));
            }
            Some(Err(text)) => heard = text,
        }
    }
    asking.abilities.prefill = Prefill::Question;
    let found = format!(
        "not gone on with (\"{}\"); how the answer begins is put at the end of the question",
        crate::text::one_line(&heard, 40)
    );
    Ok(Finding::new(about, State::Absent, found))
}

/// Whether the beginning is given back where the model goes on with it, or what it says instead;
/// nothing where the server refuses.
fn goes_on(
    asking: &Asking,
    cancel: &AtomicBool,
) -> Result<Option<Result<bool, String>>, ServedError> {
    let prompt =
        Prompt::Chat { system: None, question: QUESTION.to_owned(), answer: BEGUN.to_owned() };
    let sampling = Sampling { temperature: 0.0, ..PLAIN };
    let draw = Draw { sampling, seed: 0, max_tokens: TOKENS, top: false };
    let Ok(answer) = asking.ask(&asking.generate(&prompt, draw), cancel)? else {
        return Ok(None);
    };
    let rest = answer.text.strip_prefix(BEGUN);
    let added = rest.unwrap_or(&answer.text).trim_start();
    let goes_on = added.to_ascii_lowercase().starts_with(NEXT);
    Ok(Some(if goes_on { Ok(rest.is_some()) } else { Err(answer.text) }))
}
