//! Scoring candidates by sampling answers and counting.

use super::ServedError;
use super::asking::Asking;
use super::model::Scored;
use super::wording::{Draw, PLAIN};
use crate::files::sha256;
use crate::respondent::{Prompt, Scoring};
use std::sync::atomic::AtomicBool;

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
