//! Scoring candidates by the likeliest first tokens of an answer.

use super::ServedError;
use super::asking::Asking;
use super::model::Scored;
use super::wording::{Draw, PLAIN, followed_by, lead};
use crate::respondent::{Prompt, Scoring};
use std::sync::atomic::AtomicBool;

/// A beginning that several candidates share is followed up if it is at least so probable.
const WORTH_ASKING: f64 = 0.01;
/// Tokens after which a shared beginning is given up.
const LONGEST_BEGINNING: usize = 6;

/// A beginning of an answer after which several candidates are still open.
struct Open {
    said: String,
    /// Bytes of the candidates that it holds.
    matched: usize,
    weight: f64,
    /// Whether its probability is counted as captured already.
    counted: bool,
    among: Vec<usize>,
    tokens: usize,
}

/// How a token fits candidates.
#[derive(Debug, Default, PartialEq)]
struct Fit {
    /// Those that are said with it.
    whole: Vec<usize>,
    /// Those that it is a part of.
    part: Vec<usize>,
}

/// Log-likelihoods of a question's candidates: the summed probabilities of the listed tokens that
/// begin a candidate and no other. Where several candidates begin alike, the model is made to go on
/// from there, if that is probable enough and it can be; else the probability counts for none. What is not listed counts as
/// nothing, so that the captured probability bounds the error.
///
/// # Errors
/// [`ServedError`].
pub(super) fn score(
    asking: &Asking,
    question: &Scoring,
    cancel: &AtomicBool,
) -> Result<Scored, ServedError> {
    let names: Vec<&str> = question.candidates.iter().map(|c| c.trim_start()).collect();
    // Before an answer of its own a model may write white space; behind a beginning that was written
    // for it, a space where there is none.
    let begun = lead(&question.prompt);
    let fresh = begun.is_empty() || !asking.continues(&question.prompt);
    let mut masses = vec![0.0; names.len()];
    let mut captured = 0.0;
    let mut open = vec![Open {
        said: String::new(),
        matched: 0,
        weight: 1.0,
        counted: false,
        among: (0..names.len()).collect(),
        tokens: 0,
    }];
    while let Some(Open { said, matched, weight, counted, among, tokens }) = open.pop() {
        let mut further: Vec<Open> = Vec::new();
        let before = if said.is_empty() { begun } else { said.as_str() };
        let spaced = before.ends_with(char::is_whitespace);
        for (token, logprob) in top(asking, &followed_by(&question.prompt, &said), cancel)? {
            let probability = weight * logprob.exp();
            let token = readable(&token);
            // How servers write the end of an answer.
            if token.is_empty() {
                continue;
            }
            let name = match (matched, fresh) {
                (0, true) => token.trim_start(),
                (0, false) if !spaced => token.trim_start_matches(' '),
                _ => token.as_str(),
            };
            let Fit { whole, part } = fit(name, &names, &among, matched);
            whole.iter().for_each(|&i| masses[i] += probability);
            let decided = match (whole.len(), part.as_slice()) {
                (0, &[one]) if !name.is_empty() => {
                    masses[one] += probability;
                    true
                }
                (found, _) => found > 0,
            };
            if decided && !counted {
                captured += probability;
            }
            let open_still = part.len() > 1 || !part.is_empty() && (!whole.is_empty() || !decided);
            if open_still && probability >= WORTH_ASKING {
                further.push(Open {
                    said: format!("{said}{token}"),
                    matched: matched + name.len(),
                    weight: probability,
                    counted: counted || decided,
                    // A candidate that is whole already is not looked for in what follows it.
                    among: part,
                    tokens: tokens + 1,
                });
            }
        }
        if asking.continues(&question.prompt) && tokens < LONGEST_BEGINNING {
            open.extend(further);
        }
    }
    Ok(Scored::from_masses(&masses, captured))
}

/// The likeliest first tokens of an answer.
fn top(
    asking: &Asking,
    prompt: &Prompt,
    cancel: &AtomicBool,
) -> Result<Vec<(String, f64)>, ServedError> {
    let draw = Draw { sampling: PLAIN, seed: 0, max_tokens: 1, top: true };
    let request = asking.generate(prompt, draw);
    let answer = asking.answer(&request, cancel)?;
    match answer.top.is_empty() {
        true => Err(asking.changed(&request, "it lists no likeliest tokens")),
        false => Ok(answer.top),
    }
}

/// A token without its tokenizer's way of writing spaces.
pub(super) fn readable(token: &str) -> String {
    token.replace(['▁', 'Ġ'], " ").replace('Ċ', "\n")
}

/// How `token`, said after `matched` bytes of the candidates `among` `names`, fits them.
fn fit(token: &str, names: &[&str], among: &[usize], matched: usize) -> Fit {
    let mut fit = Fit::default();
    for &i in among {
        let Some(rest) = names.get(i).and_then(|name| name.get(matched..)) else { continue };
        if rest.is_empty() {
            continue;
        }
        if token.strip_prefix(rest).is_some_and(|after| !goes_on(rest, after)) {
            fit.whole.push(i);
        } else if rest.starts_with(token) {
            // White space alone is a part of every candidate.
            fit.part.push(i);
        }
    }
    fit
}

/// Whether `after` makes another word or number of `word`.
fn goes_on(word: &str, after: &str) -> bool {
    let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    joins(word.chars().next_back()) && joins(after.chars().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_fit_candidates_whole_or_in_part() {
        let names = ["NTA", "YTA", "Neutral"];
        let fits = |token: &str, matched: usize, among: &[usize]| {
            let Fit { whole, part } = fit(token, &names, among, matched);
            (whole, part)
        };
        let all = [0, 1, 2];
        assert_eq!(fits("NTA", 0, &all), (vec![0], vec![]));
        assert_eq!(fits("NTA.", 0, &all), (vec![0], vec![]));
        assert_eq!(fits("NTAs", 0, &all), (vec![], vec![]));
        assert_eq!(fits("N", 0, &all), (vec![], vec![0, 2]));
        assert_eq!(fits("Y", 0, &all), (vec![], vec![1]));
        assert_eq!(fits("", 0, &all), (vec![], vec![0, 1, 2]));
        assert_eq!(fits("TA", 1, &[0, 2]), (vec![0], vec![]));
        assert_eq!(fits("eu", 1, &[0, 2]), (vec![], vec![2]));
        assert_eq!(fits("nta", 0, &all), (vec![], vec![]));
    }

    #[test]
    fn a_digit_is_a_number_and_a_part_of_another() {
        let names = ["1", "10", "2"];
        let found = fit("1", &names, &[0, 1, 2], 0);
        assert_eq!(found, Fit { whole: vec![0], part: vec![1] });
        assert_eq!(fit("10", &names, &[0, 1, 2], 0), Fit { whole: vec![1], part: vec![] });
        assert_eq!(fit("1.", &names, &[0, 1, 2], 0), Fit { whole: vec![0], part: vec![] });
    }

    #[test]
    fn ways_of_writing_spaces_are_read() {
        assert_eq!(readable("Ġ4"), " 4");
        assert_eq!(readable("▁N"), " N");
        assert_eq!(readable("Ċ"), "\n");
    }
}
