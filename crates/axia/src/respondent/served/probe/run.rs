//! All probes in turn.

use super::{draws, prefill, prompts};
use crate::respondent::Prompt;
use crate::respondent::served::account::{Finding, State};
use crate::respondent::served::answer::Answer;
use crate::respondent::served::asking::Asking;
use crate::respondent::served::cache::Refusal;
use crate::respondent::served::wording::{Draw, PLAIN};
use crate::respondent::served::{ServedError, Shape};
use crate::text::one_line;
use serde_json::Value;
use std::sync::atomic::AtomicBool;

/// A short answer with the tokens that might have been its first.
pub(super) const SHORT: Draw = Draw { sampling: PLAIN, seed: 0, max_tokens: 12, top: true };

/// A server that was probed.
pub(in crate::respondent::served) struct Probe {
    /// With what it was found able to do.
    pub(in crate::respondent::served) asking: Asking,
    /// What was found.
    pub(in crate::respondent::served) findings: Vec<Finding>,
}

impl Probe {
    /// Asks all probe questions that matter for prompts of this shape.
    ///
    /// # Errors
    /// [`ServedError`] where nothing can be learnt from the server.
    pub(in crate::respondent::served) fn run(
        asking: Asking,
        shape: Shape,
        cancel: &AtomicBool,
    ) -> Result<Self, ServedError> {
        let mut probe = Self { asking, findings: Vec::new() };
        let questions = different(shape);
        let mut answers = vec![probe.first(&questions[0], shape, cancel)?];
        for question in &questions[1..] {
            let request = probe.asking.generate(question, SHORT);
            answers.push(probe.asking.answer(&request, cancel)?);
        }
        probe.tell_apart(&answers, &questions[0])?;
        probe.findings.push(judge(&answers, &probe.asking.model));
        probe.lists(&answers);
        if shape == Shape::Chat {
            let finding = prefill::probe(&mut probe.asking, cancel)?;
            probe.findings.push(finding);
        }
        let (echo, findings) = prompts::probe(&probe.asking, shape, cancel)?;
        probe.asking.abilities.echo = echo;
        probe.findings.extend(findings);
        probe.findings.extend(draws::probe(&probe.asking, shape, cancel)?);
        Ok(probe)
    }

    /// The first answer; what the server refuses is left out from then on.
    fn first(
        &mut self,
        question: &Prompt,
        shape: Shape,
        cancel: &AtomicBool,
    ) -> Result<Answer, ServedError> {
        loop {
            let request = self.asking.generate(question, SHORT);
            let (status, said) = match self.asking.ask(&request, cancel)? {
                Ok(answer) => return Ok(answer),
                Err(Refusal { status, said }) => (status, said),
            };
            let url = self.asking.url(&request);
            if matches!(status, 404 | 405) {
                return Err(ServedError::NoEndpoint { url, shape, said });
            }
            match self.asking.abilities.concede(&said) {
                Some(what) => {
                    self.findings.push(Finding::new("parameters", State::Absent, what));
                }
                None => return Err(ServedError::Refused { url, said }),
            }
        }
    }

    /// That answers depend on questions at all.
    fn tell_apart(&self, answers: &[Answer], question: &Prompt) -> Result<(), ServedError> {
        let url = self.asking.url(&self.asking.generate(question, SHORT));
        let texts: Vec<&str> = answers.iter().map(|answer| answer.text.trim()).collect();
        if texts.iter().all(|text| text.is_empty()) {
            return Err(ServedError::Silent { url });
        }
        match texts.iter().all(|text| *text == texts[0]) {
            true => Err(ServedError::Constant { url, answer: one_line(texts[0], 60) }),
            false => Ok(()),
        }
    }

    fn lists(&mut self, answers: &[Answer]) {
        let asked = self.asking.abilities.top;
        if asked == 0 {
            return;
        }
        let given: Vec<_> = answers.iter().map(|answer| answer.top.as_slice()).collect();
        let finding = prompts::judge(&given, asked);
        if finding.state != State::Works {
            self.asking.abilities.top = 0;
        }
        self.findings.push(finding);
    }
}

/// Questions with quite different answers.
pub(super) fn different(shape: Shape) -> [Prompt; 3] {
    match shape {
        Shape::Plain => {
            ["The capital of France is", "def add(a, b):\n    return", "Once upon a time there"]
                .map(plain)
        }
        Shape::Chat => {
            ["Name a colour.", "What is seven plus five?", "Who wrote the play Hamlet?"].map(chat)
        }
    }
}

/// A question with very many answers.
pub(super) fn open(shape: Shape) -> Prompt {
    match shape {
        Shape::Plain => plain("Here is a list of unusual names for a cat:"),
        Shape::Chat => chat("Invent an unusual name for a cat, and say why it fits."),
    }
}

fn plain(text: &str) -> Prompt {
    Prompt::Plain(text.to_owned())
}

fn chat(question: &str) -> Prompt {
    Prompt::Chat { system: None, question: question.to_owned(), answer: String::new() }
}

/// Names of a context's length, in tokens, in the lists of different servers.
const LENGTHS: [&str; 3] = ["max_model_len", "context_length", "context_window"];

/// The longest text that the model reads, where the server says so.
///
/// # Errors
/// [`ServedError`] after a cancellation, or where the answer cannot be kept.
pub(in crate::respondent::served) fn context(
    asking: &Asking,
    cancel: &AtomicBool,
) -> Result<Option<usize>, ServedError> {
    asking.context(|list| length(list, &asking.model), cancel)
}

fn length(list: &Value, model: &str) -> Option<usize> {
    let own = list["data"].as_array()?.iter().find(|entry| entry["id"] == model)?;
    let length = LENGTHS.iter().find_map(|name| own[*name].as_u64())?;
    usize::try_from(length).ok().filter(|&length| length > 0)
}

const ABOUT: &str = "model";
/// Bytes of a name that means something within a longer one: `8b` does not.
const SHORTEST: usize = 4;
/// Characters shown of a name.
const SHOWN: usize = 60;

/// Judges the names in `answers` of a model that was `asked` for by its name. Servers of one model
/// often take any name, and hosted ones answer with a dated version of the name asked for.
pub(super) fn judge(answers: &[Answer], asked: &str) -> Finding {
    let mut names: Vec<&str> =
        answers.iter().filter_map(|answer| answer.model.as_deref()).collect();
    names.retain(|name| !name.trim().is_empty());
    names.sort_unstable();
    names.dedup();
    let (state, found) = match names[..] {
        [] => (State::Absent, "no answer says which model gave it".to_owned()),
        [name] if name == asked => (State::Works, "answers as the model asked for".to_owned()),
        [name] if is_version(name, asked) => (State::Works, format!("answers as {}", shown(name))),
        [name] => {
            (State::Untrue, format!("asked for {}, answers as {}", shown(asked), shown(name)))
        }
        _ => {
            let names: Vec<String> = names.into_iter().map(shown).collect();
            (State::Untrue, format!("answers as several models: {}", names.join(", ")))
        }
    };
    Finding::new(ABOUT, state, found)
}

/// Whether one of the names contains the last part of the other, as paths and versions do, or `asked`
/// has `base` for the name of whatever `axia serve` serves.
fn is_version(name: &str, asked: &str) -> bool {
    let adapter =
        asked.strip_prefix("base").filter(|rest| rest.is_empty() || rest.starts_with(':'));
    if adapter.is_some_and(|adapter| name.ends_with(adapter)) {
        return true;
    }
    let last = |name: &str| {
        let name = name.trim_end_matches('/').to_lowercase();
        name.rsplit('/').next().unwrap_or_default().to_owned()
    };
    let (name, asked) = (last(name), last(asked));
    holds(&name, &asked) || (name.len() >= SHORTEST && holds(&asked, &name))
}

/// Whether `part` stands in `whole` as a word or as several; version numbers are words.
fn holds(whole: &str, part: &str) -> bool {
    whole.match_indices(part).any(|(at, part)| {
        let (before, mut after) = (whole[..at].chars(), whole[at + part.len()..].chars());
        let follows = match after.next() {
            Some('.') => after.next().is_some_and(|next| next.is_ascii_digit()),
            next => next.is_some_and(char::is_alphanumeric),
        };
        !follows && !before.last().is_some_and(char::is_alphanumeric)
    })
}

fn shown(name: &str) -> String {
    format!("`{}`", one_line(name, SHOWN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lengths_are_found_by_any_name_of_the_model_asked() {
        let list = json!({"data": [{"id": "a", "context_window": 9}, {"id": "b"}, {"id": "c",
            "max_model_len": 4096}, {"id": "d", "max_model_len": 0}]});
        let found = ["a", "b", "c", "d", "e"].map(|model| length(&list, model));
        assert_eq!(found, [Some(9), None, Some(4096), None, None]);
        assert_eq!(length(&json!("x"), "a"), None);
    }

    fn found(names: &[Option<&str>], asked: &str) -> (State, String) {
        let answer =
            |name: &Option<&str>| Answer { model: name.map(str::to_owned), ..Answer::default() };
        let finding = judge(&names.iter().map(answer).collect::<Vec<_>>(), asked);
        (finding.state, finding.found)
    }

    #[test]
    fn a_name_is_that_asked_for_a_version_of_it_or_another() {
        assert_eq!(found(&[Some("m"), Some("m")], "m").0, State::Works);
        for (name, asked) in [
            ("gpt-x-2026-01-02", "gpt-x"),
            ("/models/Qwen3-8B-Q4_K_M.gguf", "org/qwen3-8b"),
            ("qwen3-8b", "org/Qwen3-8B"),
            ("smollm2", "base"),
            ("smollm2:control", "base:control"),
        ] {
            let (state, words) = found(&[Some(name), None], asked);
            assert!(state == State::Works && words.contains(name), "{words}");
        }
        let (state, words) = found(&[Some("llama"), Some("llama")], "qwen");
        assert_eq!((state, &*words), (State::Untrue, "asked for `qwen`, answers as `llama`"));
        for (name, asked) in [("llama", "m"), ("gpt-4.1", "gpt-4"), ("8b", "qwen3-8b")] {
            assert_eq!(found(&[Some(name)], asked).0, State::Untrue, "{name} for {asked}");
        }
        let (state, words) = found(&[Some("b"), Some("a"), Some("b")], "a");
        assert_eq!((state, &*words), (State::Untrue, "answers as several models: `a`, `b`"));
        assert_eq!(found(&[None], "m").0, State::Absent);
        assert_eq!(found(&[Some(" ")], "m").0, State::Absent);
        assert_eq!(found(&[Some("smollm2")], "base:control").0, State::Untrue);
    }
}
