//! Whether answers are drawn as they are asked to be.

use super::run::open;
use crate::respondent::served::account::{Finding, State};
use crate::respondent::served::asking::Asking;
use crate::respondent::served::cache::Refusal;
use crate::respondent::served::wording::{Draw, PLAIN, Request};
use crate::respondent::served::{ServedError, Shape};
use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

/// Seeds tried.
const SEEDS: u64 = 4;

/// What is found about temperature and seed.
///
/// # Errors
/// [`ServedError`] where the server does not answer.
pub(super) fn probe(
    asking: &Asking,
    shape: Shape,
    cancel: &AtomicBool,
) -> Result<Vec<Finding>, ServedError> {
    let request = |seed: u64, draw: u64| {
        let wanted = Draw { sampling: PLAIN, seed, max_tokens: 12, top: false };
        Request { draw, ..asking.generate(&open(shape), wanted) }
    };
    let mut texts = Vec::new();
    for seed in 0..SEEDS {
        texts.push(said(asking, &request(seed, seed), cancel)?);
    }
    // The same seeds once more, as requests of their own.
    let mut again = Vec::new();
    for seed in 0..2 {
        again.push(said(asking, &request(seed, SEEDS + seed), cancel)?);
    }
    let varied = texts.iter().collect::<BTreeSet<_>>().len() > 1;
    Ok(vec![temperature(varied), seed(asking, varied, texts.starts_with(&again))])
}

fn said(asking: &Asking, request: &Request, cancel: &AtomicBool) -> Result<String, ServedError> {
    Ok(match asking.ask(request, cancel)? {
        Ok(answer) => answer.text,
        Err(Refusal { said, .. }) => said,
    })
}

fn temperature(varied: bool) -> Finding {
    match varied {
        true => Finding::new("sampling", State::Works, "answers to an open question differ"),
        false => Finding::new(
            "sampling",
            State::Untrue,
            format!(
                "{SEEDS} answers to an open question, drawn at temperature 1, are all the same: \
                 counts and sampled answers say no more than one answer"
            ),
        ),
    }
}

fn seed(asking: &Asking, varied: bool, repeated: bool) -> Finding {
    let (state, found) = match (asking.abilities.seed, varied, repeated) {
        (false, ..) => (State::Absent, "not taken; answers can be repeated from those kept alone"),
        (true, false, _) => (State::Absent, "cannot be told where all answers are the same"),
        (true, true, true) => (State::Works, "the same seed gives the same answer"),
        (true, true, false) => (
            State::Untrue,
            "the same seed gives different answers; they can be repeated from those kept alone",
        ),
    };
    Finding::new("seed", state, found)
}
