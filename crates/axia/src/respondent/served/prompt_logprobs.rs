//! Scoring candidates by the log-probabilities of their own tokens.

use super::ServedError;
use super::answer::{Answer, Token, Tokens};
use super::asking::Asking;
use super::asking::Echo;
use super::model::Scored;
use super::wording::{Request, lead};
use crate::respondent::{Prompt, Scoring};
use std::sync::atomic::AtomicBool;

/// How far sums of probabilities may exceed one, for numbers in half precision.
pub(super) const SLACK: f64 = 0.02;
/// Characters of the prompt that are compared with what the server says it read.
const COMPARED: usize = 8;

/// The tokens behind which a candidate stands, and its own.
pub(super) struct Ending {
    /// Position of the first of `tokens` in the whole text.
    skipped: usize,
    tokens: Vec<Token>,
    /// Where the candidate begins in `tokens`.
    begin: usize,
}

/// Log-likelihoods of a question's candidates.
///
/// # Errors
/// [`ServedError`]; [`ServedError::Changed`] for numbers that are no log-probabilities.
pub(super) fn score(
    asking: &Asking,
    question: &Scoring,
    form: Echo,
    cancel: &AtomicBool,
) -> Result<Scored, ServedError> {
    let requests: Vec<Request> =
        question.candidates.iter().map(|c| asking.echo(&question.prompt, c, form)).collect();
    let mut endings = Vec::with_capacity(requests.len());
    for (request, candidate) in requests.iter().zip(&question.candidates) {
        let answer = asking.answer(request, cancel)?;
        let ending = Ending::find(&answer, &question.prompt, candidate, form);
        endings.push(ending.map_err(|problem| asking.changed(request, problem))?);
    }
    let Some(request) = requests.first() else { return Ok(Scored::default()) };
    let logs = sums(&endings).map_err(|problem| asking.changed(request, problem))?;
    let captured: f64 = logs.iter().map(|log| log.exp()).sum();
    if captured > 1.0 + SLACK && distinct(&question.candidates) {
        let problem = format!("the candidates have a probability of {captured:.3} together");
        return Err(asking.changed(request, problem));
    }
    Ok(Scored { logs, captured: captured.min(1.0) })
}

/// Whether no candidate begins another: else one's tokens may be a part of the other's.
fn distinct(candidates: &[String]) -> bool {
    let begins = |(i, a): (usize, &String)| {
        candidates.iter().enumerate().any(|(j, b)| i != j && b.starts_with(a.as_str()))
    };
    !candidates.iter().enumerate().any(begins)
}

impl Ending {
    /// Finds the candidate's tokens at the end of what the server read.
    ///
    /// # Errors
    /// What is wrong with the answer.
    pub(super) fn find(
        answer: &Answer,
        prompt: &Prompt,
        candidate: &str,
        form: Echo,
    ) -> Result<Self, String> {
        let (Tokens { skipped, last }, new) = match form {
            // A new token may be there, or not where it ends the text.
            Echo::Echo { new_tokens } => (&answer.tokens, new_tokens),
            Echo::PromptLogprobs => (&answer.prompt, 0),
        };
        if last.is_empty() {
            return Err("it gives no log-probabilities of the prompt".to_owned());
        }
        let whole = [lead(prompt), candidate].concat();
        let ends = (0..=new).rev().filter_map(|new| last.len().checked_sub(new));
        let end = ends.into_iter().find(|&end| ends_with(&last[..end], &whole, candidate));
        let Some(end) = end else {
            let tail: String = last.iter().map(|(text, _)| text.as_str()).collect();
            let tail = crate::text::one_line(&tail, 60);
            return Err(format!(
                "the tokens that it lists (\"{tail}\") do not end in what was sent"
            ));
        };
        let tokens = last[..end].to_vec();
        let begin = beginning(&tokens, candidate);
        Ok(Self { skipped: *skipped, tokens, begin })
    }

    /// The logarithms that are there.
    pub(super) fn logprobs(&self) -> impl Iterator<Item = f64> {
        self.tokens.iter().filter_map(|(_, logprob)| *logprob)
    }

    /// The candidate's tokens.
    pub(super) fn own(&self) -> &[Token] {
        &self.tokens[self.begin..]
    }

    /// What stands before them, with positions in the whole text.
    pub(super) fn before(&self) -> impl Iterator<Item = (usize, &Token)> {
        let numbered = self.tokens[..self.begin].iter().enumerate();
        numbered.map(|(i, token)| (self.skipped + i, token))
    }

    fn at(&self, position: usize) -> Option<&str> {
        let token = self.tokens.get(position.checked_sub(self.skipped)?);
        token.map(|(text, _)| text.as_str())
    }
}

/// Sums over each candidate's tokens, from where the first of them differ from one another or from
/// the prompt: a tokenizer may read the prompt's end and a candidate's beginning as one token.
pub(super) fn sums(endings: &[Ending]) -> Result<Vec<f64>, String> {
    let Some(first) = endings.first() else { return Ok(Vec::new()) };
    let begin = endings.iter().map(|ending| ending.skipped + ending.begin).min();
    let earliest = endings.iter().map(|ending| ending.skipped).max();
    let (mut begin, earliest) = (begin.unwrap_or_default(), earliest.unwrap_or_default());
    let alike = |position: usize| endings.iter().all(|e| e.at(position) == first.at(position));
    if let Some(differing) = (earliest..begin).find(|&position| !alike(position)) {
        begin = differing;
    }
    let sum = |ending: &Ending| {
        let tokens = &ending.tokens[begin - ending.skipped..];
        let logs = tokens.iter().map(|(text, logprob)| match logprob {
            Some(logprob) if *logprob <= SLACK => Ok(logprob.min(0.0)),
            Some(logprob) => Err(format!("\"{text}\" has the log-probability {logprob}")),
            None => Err(format!("\"{text}\" has no log-probability")),
        });
        logs.sum()
    };
    if endings.iter().any(|ending| ending.skipped > begin) {
        return Err("its tokens differ throughout from candidate to candidate".to_owned());
    }
    endings.iter().map(sum).collect()
}

/// What remains of a text when tokenizers' ways of writing spaces do not count.
fn visible(text: &str) -> impl DoubleEndedIterator<Item = char> {
    text.chars().filter(|&c| !c.is_whitespace() && !matches!(c, '▁' | 'Ġ' | 'Ċ'))
}

/// Whether the tokens end in `candidate` and, before it, in the last few characters of the prompt.
fn ends_with(tokens: &[Token], whole: &str, candidate: &str) -> bool {
    let needed = visible(candidate).count();
    let mut said = tokens.iter().rev().flat_map(|(text, _)| visible(text).rev());
    for (i, wanted) in visible(whole).rev().take(needed + COMPARED).enumerate() {
        match said.next() {
            Some(c) if c == wanted => {}
            // A character in several tokens cannot be shown token by token.
            Some(char::REPLACEMENT_CHARACTER) if i >= needed => return true,
            // The first token of all has no probability, and may not be shown at all.
            None if i >= needed && tokens.first() == Some(&(String::new(), None)) => return true,
            _ => return false,
        }
    }
    needed > 0
}

/// The token in which a text begins that the tokens end in.
fn beginning(tokens: &[Token], candidate: &str) -> usize {
    let needed = visible(candidate).count();
    let (mut begin, mut found) = (tokens.len(), 0);
    while found < needed && begin > 0 {
        begin -= 1;
        found += visible(&tokens[begin].0).count();
    }
    let spaced = |i: usize| tokens.get(i).is_some_and(|(text, _)| visible(text).next().is_none());
    let bare =
        tokens.get(begin).is_some_and(|(text, _)| text.chars().next() == visible(text).next());
    // A space of the candidate's own may be a token of its own.
    if candidate.starts_with(char::is_whitespace) && bare && begin > 0 && spaced(begin - 1) {
        begin -= 1;
    }
    begin
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Echo = Echo::Echo { new_tokens: 1 };

    fn answer(skipped: usize, tokens: &[(&str, f64)]) -> Answer {
        let last = tokens.iter().map(|(text, log)| ((*text).to_owned(), Some(*log))).collect();
        Answer { tokens: Tokens { skipped, last }, ..Answer::default() }
    }

    fn find(tokens: &[(&str, f64)], prompt: &str, candidate: &str) -> Result<Ending, String> {
        Ending::find(&answer(3, tokens), &Prompt::Plain(prompt.to_owned()), candidate, FORM)
    }

    fn own(tokens: &[(&str, f64)], prompt: &str, candidate: &str) -> Vec<String> {
        let ending = find(tokens, prompt, candidate).unwrap();
        ending.own().iter().map(|(text, _)| text.clone()).collect()
    }

    #[test]
    fn the_candidate_is_found_before_the_new_token_or_at_the_end() {
        let tokens = [("Verdict", -1.0), (":", -1.0), (" N", -1.0), ("TA", -1.0), (".", -1.0)];
        assert_eq!(own(&tokens, "Verdict:", " NTA"), [" N", "TA"]);
        assert_eq!(own(&tokens[..4], "Verdict:", " NTA"), [" N", "TA"]);
        // The new token repeats the candidate.
        let tokens = [("Rating", -1.0), (":", -1.0), (" ", -1.0), ("1", -2.0), ("1", -3.0)];
        let ending = find(&tokens, "Rating: ", "1").unwrap();
        assert_eq!(ending.own(), [("1".to_owned(), Some(-2.0))]);
    }

    #[test]
    fn spaces_belong_to_whoever_wrote_them() {
        let spaced = [("Verdict:", -1.0), (" ", -1.0), ("NTA", -1.0)];
        assert_eq!(own(&spaced, "Verdict:", " NTA"), [" ", "NTA"]);
        assert_eq!(own(&spaced, "Verdict: ", "NTA"), ["NTA"]);
        assert_eq!(own(&[("Verdict:", -1.0), ("▁NTA", -1.0)], "Verdict:", " NTA"), ["▁NTA"]);
        let joined = [("Rating:", -1.0), (" 4", -1.0)];
        assert_eq!(own(&joined, "Rating: ", "4"), [" 4"]);
    }

    #[test]
    fn what_was_not_sent_is_no_echo() {
        for tokens in [
            &[("4", -1.0)][..],
            &[("Rating: ", -1.0), ("5", -1.0)],
            &[("Wrong!! ", -1.0), ("4", -1.0)],
            &[("", -1.0), ("", -1.0)],
            &[],
        ] {
            assert!(find(tokens, "Rating: ", "4").is_err(), "{tokens:?}");
        }
        let split = [("\u{fffd}", -1.0), ("\u{fffd}", -1.0), (" ", -1.0), ("4", -1.0)];
        assert_eq!(own(&split, "評: ", "4").len(), 1, "bytes of a character are let pass");
    }

    #[test]
    fn sums_begin_where_tokens_differ() {
        let ending = |tokens: &[(&str, f64)], candidate| find(tokens, "to be:", candidate).unwrap();
        let same = [
            ending(&[("to", -1.0), (" be:", -1.0), (" a", -0.5), ("b", -0.25)], " ab"),
            ending(&[("to", -1.0), (" be:", -1.0), (" c", -2.0)], " c"),
        ];
        assert_eq!(sums(&same).unwrap(), [-0.75, -2.0]);
        // The colon is read with one candidate, but not with the other.
        let merged = [
            ending(&[("to", -1.0), (" be", -1.0), (":)", -0.5)], ")"),
            ending(&[("to", -1.0), (" be:", -1.5), (" c", -2.0)], " c"),
        ];
        assert_eq!(sums(&merged).unwrap(), [-1.5, -3.5]);
        let none = Ending {
            skipped: 0,
            tokens: vec![("a".to_owned(), Some(-1.0)), ("b".to_owned(), None)],
            begin: 1,
        };
        assert!(sums(&[none]).unwrap_err().contains("no log-probability"));
        let above = Ending { skipped: 0, tokens: vec![("b".to_owned(), Some(0.7))], begin: 0 };
        assert!(sums(&[above]).unwrap_err().contains("0.7"));
    }
}
