//! What a server answered, in whichever of the usual shapes.

use super::ServedError;
use super::asking::Asking;
use super::model::Scored;
use super::wording::{Draw, PLAIN};
use crate::files::sha256;
use crate::respondent::{Prompt, Scoring};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::atomic::AtomicBool;

/// One token, with the natural logarithm of its probability.
pub(super) type Token = (String, Option<f64>);

/// The end of a list of tokens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tokens {
    /// Tokens before these.
    pub(super) skipped: usize,
    /// The last ones.
    pub(super) last: Vec<Token>,
}

/// One answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Answer {
    /// The text of the first choice.
    pub(super) text: String,
    /// Its tokens; with `echo` the prompt's too.
    pub(super) tokens: Tokens,
    /// The prompt's tokens, of a server that lists them apart.
    pub(super) prompt: Tokens,
    /// What might have stood in place of the first of `tokens`, likeliest first.
    pub(super) top: Vec<(String, f64)>,
    /// What the server calls the model that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
}

impl Answer {
    /// Reads an answer of completions or of chat completions; of tokens, the last `keep`. Log
    /// probabilities come as `tokens` and `token_logprobs` (completions), as `content` (chats, and
    /// llama.cpp's completions) or as `prompt_logprobs` (vLLM).
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(value: &Value, keep: usize) -> Result<Self, String> {
        let choice = value.pointer("/choices/0").ok_or("its list of choices is empty")?;
        let text = match (choice.get("text"), choice.get("message")) {
            (Some(text), _) => text.as_str(),
            (None, Some(message)) => message.get("content").and_then(Value::as_str),
            (None, None) => return Err("a choice with neither text nor message".to_owned()),
        };
        let logs = &choice["logprobs"];
        let (tokens, top) = match logs["content"].as_array() {
            Some(content) => content_style(content),
            None => list_style(logs),
        };
        let given = [&choice["prompt_logprobs"], &value["prompt_logprobs"]];
        let prompt = given.into_iter().find_map(Value::as_array).map(|list| prompt_style(list));
        Ok(Self {
            text: text.unwrap_or_default().to_owned(),
            tokens: Tokens::ending(tokens, keep),
            prompt: Tokens::ending(prompt.unwrap_or_default(), keep),
            top,
            model: value["model"].as_str().map(str::to_owned),
        })
    }
}

impl Tokens {
    fn ending(mut all: Vec<Token>, keep: usize) -> Self {
        let skipped = all.len().saturating_sub(keep);
        Self { skipped, last: all.split_off(skipped) }
    }
}

/// A finite number; vLLM and others write `null` for what they have not.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.is_finite())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// `[{"token", "logprob", "top_logprobs": [{"token", "logprob"}]}]`.
fn content_style(content: &[Value]) -> (Vec<Token>, Vec<(String, f64)>) {
    let token = |entry: &Value| (text(&entry["token"]), number(&entry["logprob"]));
    let top = content.first().and_then(|entry| entry["top_logprobs"].as_array());
    let top = top.into_iter().flatten().filter_map(|entry| {
        let (token, logprob) = token(entry);
        Some((token, logprob?))
    });
    (content.iter().map(token).collect(), likeliest_first(top.collect()))
}

/// `{"tokens": […], "token_logprobs": […], "top_logprobs": [{token: logprob}]}`.
fn list_style(logs: &Value) -> (Vec<Token>, Vec<(String, f64)>) {
    let list = |name: &str| logs[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let logprobs = list("token_logprobs");
    let token = |(i, token): (usize, &Value)| (text(token), logprobs.get(i).and_then(number));
    let tokens = list("tokens").iter().enumerate().map(token).collect();
    let top = list("top_logprobs").first().and_then(Value::as_object);
    let top =
        top.into_iter().flatten().filter_map(|(t, logprob)| Some((t.clone(), number(logprob)?)));
    (tokens, likeliest_first(top.collect()))
}

/// `[null, {id: {"logprob", "decoded_token"}}]`; the prompt's own token is the first of each.
fn prompt_style(list: &[Value]) -> Vec<Token> {
    let token = |entry: &Value| {
        let own = entry.as_object().and_then(|entries| entries.values().next());
        own.map_or((String::new(), None), |own| {
            (text(&own["decoded_token"]), number(&own["logprob"]))
        })
    };
    list.iter().map(token).collect()
}

fn likeliest_first(mut top: Vec<(String, f64)>) -> Vec<(String, f64)> {
    top.sort_by(|a, b| b.1.total_cmp(&a.1));
    top
}

/// Tokens of an answer: room for a few words before the one that counts.
const ANSWER_TOKENS: usize = 16;

/// Logarithms of the shares of `samples` answers that name each candidate.
///
/// # Errors
/// [`ServedError`].
pub(super) fn score(
    asking: &Asking,
    question: &Scoring,
    samples: usize,
    cancel: &AtomicBool,
) -> Result<Scored, ServedError> {
    let seed = seed_of(&question.prompt);
    let mut counts = vec![0.0; question.candidates.len()];
    for number in 0..samples as u64 {
        let draw = Draw {
            sampling: PLAIN,
            seed: seed.wrapping_add(number),
            max_tokens: ANSWER_TOKENS,
            top: false,
        };
        let answer = asking.answer(&asking.generate(&question.prompt, draw), cancel)?;
        if let Some(i) = named(asking.added(&question.prompt, &answer.text), &question.candidates) {
            counts[i] += 1.0 / samples as f64;
        }
    }
    let captured = counts.iter().sum();
    Ok(Scored::from_masses(&counts, captured))
}

/// A seed of the question's own, so that chance is not the same for all.
fn seed_of(prompt: &Prompt) -> u64 {
    let hash = sha256(format!("{prompt:?}").as_bytes());
    u64::from_str_radix(&hash[..6], 16).unwrap_or_default() << 7
}

/// The candidate that an answer names: the first of its words that is one. Where candidates are
/// numbers, its first number is one of them or the answer names none.
fn named(answer: &str, candidates: &[String]) -> Option<usize> {
    let words = answer.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let names: Vec<&str> = candidates.iter().map(|c| c.trim()).collect();
    let is_number = |word: &str| word.chars().all(|c| c.is_ascii_digit());
    let numbers = names.iter().all(|name| is_number(name));
    let same = |word: &str| names.iter().position(|name| name.eq_ignore_ascii_case(word));
    match numbers {
        true => words.into_iter().find(|word| is_number(word)).and_then(same),
        false => words.into_iter().find_map(same),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn all_shapes_are_read() {
        let completion = json!({"choices": [{"text": "a b", "logprobs": {
            "tokens": ["a", " b", "!"], "token_logprobs": [null, -0.5, -2.0],
            "top_logprobs": [{"x": -3.0, "a": -1.0, "y": null}, {" b": -0.5}],
            "text_offset": [0, 1, 3]
        }}]});
        let answer = Answer::read(&completion, 2).unwrap();
        assert_eq!(answer.text, "a b");
        assert_eq!(answer.tokens.skipped, 1);
        assert_eq!(answer.tokens.last, [(" b".into(), Some(-0.5)), ("!".into(), Some(-2.0))]);
        assert_eq!(answer.top, [("a".to_owned(), -1.0), ("x".to_owned(), -3.0)]);

        let chat = json!({"choices": [{"message": {"content": "4"}, "logprobs": {"content": [
            {"token": "4", "logprob": -0.1, "top_logprobs": [
                {"token": "5", "logprob": -2.0}, {"token": "4", "logprob": -0.1}]}
        ]}}]});
        let answer = Answer::read(&chat, 9).unwrap();
        assert_eq!(answer.tokens.last, [("4".to_owned(), Some(-0.1))]);
        assert_eq!(answer.top, [("4".to_owned(), -0.1), ("5".to_owned(), -2.0)]);

        let vllm = json!({"choices": [{"text": "c", "logprobs": null, "prompt_logprobs": [
            null,
            {"9": {"logprob": -4.0, "rank": 7, "decoded_token": " a"},
             "1": {"logprob": -0.2, "rank": 1, "decoded_token": " the"}}
        ]}]});
        let answer = Answer::read(&vllm, 9).unwrap();
        assert_eq!(answer.prompt.last, [(String::new(), None), (" a".to_owned(), Some(-4.0))]);
        assert_eq!(answer.tokens, Tokens::default());
    }

    #[test]
    fn what_is_no_answer_says_so() {
        let read = |value: Value| Answer::read(&value, 9);
        assert!(read(json!({"choices": []})).unwrap_err().contains("choices"));
        assert!(read(json!({"choices": [{}]})).unwrap_err().contains("message"));
        assert_eq!(read(json!({"choices": [{"message": {"content": null}}]})).unwrap().text, "");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<f64>().prop_map(|n| json!(n)),
            "[a-z]{0,3}".prop_map(Value::from),
        ];
        let names = prop::sample::select(vec![
            "choices",
            "text",
            "message",
            "content",
            "logprobs",
            "tokens",
            "token_logprobs",
            "top_logprobs",
            "prompt_logprobs",
            "token",
            "logprob",
            "decoded_token",
        ]);
        leaf.prop_recursive(6, 60, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((names.clone(), inner), 0..4).prop_map(|pairs| {
                    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_answer_brings_the_reader_down(choice in any_json(), keep in 0..5_usize) {
            let _ = Answer::read(&json!({"choices": [choice]}), keep);
        }
    }

    fn of(answer: &str, candidates: &[&str]) -> Option<usize> {
        named(answer, &candidates.iter().map(|&c| c.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn answers_name_candidates() {
        let ratings = ["1", "2", "3", "4", "5", "6"];
        assert_eq!(of("**4**", &ratings), Some(3));
        assert_eq!(of(" 5 out of 6.", &ratings), Some(4));
        assert_eq!(of("7 or 6", &ratings), None);
        assert_eq!(of("10", &ratings), None);
        assert_eq!(of("", &ratings), None);
        let verdicts = [" NTA", " YTA", " Neutral"];
        assert_eq!(of("I say: neutral, not NTA", &verdicts), Some(2));
        assert_eq!(of("NTAs", &verdicts), None);
    }

    #[test]
    fn questions_have_seeds_of_their_own_that_do_not_run_into_one_another() {
        let seed = |text: &str| seed_of(&Prompt::Plain(text.to_owned()));
        assert_ne!(seed("a"), seed("b"));
        assert_eq!(seed("a") % 128, 0);
        assert!(seed("a") < 1 << 31);
    }
}
