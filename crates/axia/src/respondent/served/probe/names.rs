//! Which model the server says has answered.

use crate::respondent::served::account::{Finding, State};
use crate::respondent::served::answer::Answer;
use crate::text::one_line;

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
