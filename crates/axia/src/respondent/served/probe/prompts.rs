//! Whether log-probabilities of prompts can be relied on.

use super::run::different;
use crate::respondent::Prompt;
use crate::respondent::served::account::{Finding, State};
use crate::respondent::served::asking::{Asking, Echo};
use crate::respondent::served::cache::Refusal;
use crate::respondent::served::first_token::readable;
use crate::respondent::served::prompt_logprobs::{Ending, SLACK, sums};
use crate::respondent::served::{ServedError, Shape};
use std::sync::atomic::AtomicBool;

const ECHO: &str = "prompt, echo";
const PROMPT_LOGPROBS: &str = "prompt_logprobs";
/// Two continuations, an everyday one and an odd one.
const CONTINUATIONS: [&str; 2] = [" blue", " wood panel"];
/// How far log-probabilities of the same token may lie apart: servers compute in half precision,
/// and differently for prompts and for answers.
const CLOSE: f64 = 0.3;

/// What came of one form of asking.
enum Found {
    Works(String),
    Absent(String),
    Untrue(String),
}

/// Tries the forms in turn; the first that can be relied on, and what was found.
///
/// # Errors
/// [`ServedError`] where the server does not answer.
pub(super) fn probe(
    asking: &Asking,
    shape: Shape,
    cancel: &AtomicBool,
) -> Result<(Option<Echo>, Vec<Finding>), ServedError> {
    let echoes = [
        (Echo::Echo { new_tokens: 0 }, ECHO),
        (Echo::Echo { new_tokens: 1 }, ECHO),
        (Echo::PromptLogprobs, PROMPT_LOGPROBS),
    ];
    let mut findings: Vec<Finding> = Vec::new();
    for (form, about) in echoes {
        // No server echoes chats with their log-probabilities.
        if shape == Shape::Chat && form != Echo::PromptLogprobs {
            continue;
        }
        let (state, found) = match try_form(asking, shape, form, cancel)? {
            Found::Works(found) => (State::Works, found),
            Found::Absent(found) => (State::Absent, found),
            Found::Untrue(found) => (State::Untrue, found),
        };
        // What matters of the two kinds of echo is the better one.
        findings.retain(|earlier| earlier.about != about || state == State::Absent);
        if !findings.iter().any(|earlier| earlier.about == about) {
            findings.push(Finding::new(about, state, found));
        }
        if state == State::Works {
            return Ok((Some(form), findings));
        }
    }
    Ok((None, findings))
}

fn try_form(
    asking: &Asking,
    shape: Shape,
    form: Echo,
    cancel: &AtomicBool,
) -> Result<Found, ServedError> {
    let prompt = match shape {
        Shape::Plain => Prompt::Plain("On a clear day, the sky above us is".to_owned()),
        Shape::Chat => Prompt::Chat {
            system: None,
            question: "What colour is the sky on a clear day?".to_owned(),
            answer: "The sky above us is".to_owned(),
        },
    };
    let mut endings = Vec::new();
    for continuation in CONTINUATIONS {
        let request = asking.echo(&prompt, continuation, form);
        let answer = match asking.ask(&request, cancel)? {
            Ok(answer) => answer,
            Err(Refusal { said, .. }) => return Ok(Found::Absent(format!("refused: \"{said}\""))),
        };
        match Ending::find(&answer, &prompt, continuation, form) {
            Ok(ending) => endings.push(ending),
            Err(problem) => {
                return Ok(Found::Absent(format!("taken without a word, but {problem}")));
            }
        }
    }
    if let Err(problem) = check(&endings) {
        return Ok(Found::Untrue(problem));
    }
    if let Some(problem) = compare(asking, shape, form, cancel)? {
        return Ok(Found::Untrue(problem));
    }
    Ok(Found::Works("log-probabilities of what was sent come back".to_owned()))
}

/// Whether the numbers can be log-probabilities of two texts that begin alike.
fn check(endings: &[Ending]) -> Result<(), String> {
    let sums = sums(endings)?;
    let total: f64 = sums.iter().map(|sum| sum.exp()).sum();
    if total > 1.0 + SLACK {
        return Err(format!("two continuations have a probability of {total:.3} together"));
    }
    let [one, two] = endings else { return Ok(()) };
    let mut all = one.logprobs().chain(two.logprobs());
    let first = all.next();
    if all.all(|logprob| Some(logprob) == first) {
        return Err("all tokens have the same log-probability".to_owned());
    }
    for ((position, a), (other, b)) in one.before().zip(two.before()) {
        let ((text, Some(p)), (same, Some(q))) = (a, b) else { continue };
        if position == other && text == same && (p - q).abs() > CLOSE {
            return Err(format!(
                "\"{text}\" has the log-probability {p:.2} or {q:.2}, by what comes after it"
            ));
        }
    }
    Ok(())
}

/// Compares what the likeliest token of an answer is said to have as an answer with what it is said
/// to have as a part of the prompt.
fn compare(
    asking: &Asking,
    shape: Shape,
    form: Echo,
    cancel: &AtomicBool,
) -> Result<Option<String>, ServedError> {
    if asking.abilities.top == 0 || shape == Shape::Chat {
        return Ok(None);
    }
    for prompt in different(shape) {
        let answer = asking.answer(&asking.generate(&prompt, super::run::SHORT), cancel)?;
        let Some((token, answered)) = answer.top.first().map(|(t, p)| (readable(t), *p)) else {
            continue;
        };
        // Control tokens and halves of characters cannot be sent as text.
        let sendable = token.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ');
        if token.trim().is_empty() || !sendable {
            continue;
        }
        let request = asking.echo(&prompt, &token, form);
        let echoed = asking.answer(&request, cancel)?;
        let Ok(ending) = Ending::find(&echoed, &prompt, &token, form) else { continue };
        let [(text, Some(logprob))] = ending.own() else { continue };
        if readable(text) == token && (logprob - answered).abs() > CLOSE {
            return Ok(Some(format!(
                "\"{token}\" has the log-probability {logprob:.2} in a prompt and {answered:.2} in \
                 an answer"
            )));
        }
    }
    Ok(None)
}

pub(super) const ABOUT: &str = "first token";

type List<'a> = &'a [(String, f64)];

/// What the lists say that came with answers to different questions, when `asked` tokens were asked
/// for.
pub(super) fn judge(lists: &[List], asked: usize) -> Finding {
    let untrue = |found: String| Finding::new(ABOUT, State::Untrue, found);
    let shortest = lists.iter().map(|list| list.len()).min().unwrap_or_default();
    if shortest == 0 {
        let found = "it takes logprobs, and lists no likeliest tokens";
        return Finding::new(ABOUT, State::Absent, found);
    }
    for list in lists {
        let total: f64 = list.iter().map(|(_, logprob)| logprob.exp()).sum();
        if let Some((token, logprob)) = list.iter().find(|(_, logprob)| *logprob > SLACK) {
            return untrue(format!("{token:?} has the log-probability {logprob}"));
        }
        if total > 1.0 + SLACK {
            return untrue(format!(
                "the likeliest tokens have a probability of {total:.3} together"
            ));
        }
        let even = list.len() > 2 && list.iter().all(|(_, logprob)| *logprob == list[0].1);
        if even {
            return untrue("all tokens that it lists are equally probable".to_owned());
        }
    }
    let alike = lists.len() > 1 && lists.iter().all(|list| *list == lists[0]);
    if alike {
        return untrue("it lists the same tokens whatever is asked".to_owned());
    }
    if shortest < 2 {
        let found = format!("{asked} likeliest tokens were asked for, and one comes");
        return Finding::new(ABOUT, State::Untrue, found);
    }
    let found = match shortest < asked {
        true => format!("{asked} likeliest tokens were asked for, and {shortest} come"),
        false => format!("the {asked} likeliest tokens are listed"),
    };
    Finding::new(ABOUT, State::Works, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(&str, f64)]) -> Vec<(String, f64)> {
        entries.iter().map(|(token, p)| ((*token).to_owned(), p.ln())).collect()
    }

    fn state(lists: &[Vec<(String, f64)>]) -> (State, String) {
        let lists: Vec<List> = lists.iter().map(Vec::as_slice).collect();
        let found = judge(&lists, 3);
        (found.state, found.found)
    }

    #[test]
    fn good_lists_work_and_short_ones_are_noted() {
        let (a, b) =
            (list(&[("a", 0.6), ("b", 0.3), ("c", 0.05)]), list(&[("x", 0.5), ("y", 0.1)]));
        assert_eq!(state(&[a.clone(), a.clone(), b.clone()]).0, State::Works);
        let (short, words) = state(&[a, b]);
        assert_eq!(short, State::Works);
        assert!(words.contains("3 likeliest") && words.contains("and 2 come"), "{words}");
    }

    #[test]
    fn lists_that_cannot_be_are_not_believed() {
        let good = list(&[("a", 0.6), ("b", 0.3)]);
        for (bad, part) in [
            (vec![list(&[("a", 0.9), ("b", 0.8)]), good.clone()], "1.700"),
            (vec![list(&[("a", 1.5)]), good.clone()], "log-probability"),
            (vec![good.clone(), good.clone()], "whatever is asked"),
            (vec![list(&[("a", 0.2), ("b", 0.2), ("c", 0.2)]), good.clone()], "equally"),
            (vec![list(&[("a", 0.2)]), good.clone()], "one comes"),
        ] {
            let (state, words) = state(&bad);
            assert!(state == State::Untrue && words.contains(part), "{state:?} {words}");
        }
        assert_eq!(state(&[list(&[]), good]).0, State::Absent);
    }
}
