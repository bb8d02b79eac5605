//! A language model that can be computed by hand: the next token depends on a hash of the text.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Tokens with a probability worth the name.
pub const WORDS: [&str; 18] = [
    "1", "2", "3", "4", "5", "6", "7", "0", " N", " Y", "TA", "eutral", " blue", " red", " five",
    " cat", " Rome", ".",
];
/// What a token that is none of these has.
const RARE: f64 = 1e-4;
/// What `WORDS` have together.
const COMMON: f64 = 0.95;

/// A text's tokens: characters, except that `WORDS` and lower-case letters stay together.
pub fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let known =
            WORDS.iter().filter(|word| rest.starts_with(**word)).map(|word| word.len()).max();
        let letters = rest.chars().take_while(char::is_ascii_lowercase).count();
        let length = known.unwrap_or_else(|| letters.max(first.len_utf8()));
        let (token, after) = rest.split_at(length);
        tokens.push(token.to_owned());
        rest = after;
    }
    tokens
}

/// Probabilities of `WORDS` behind a text.
pub fn next(text: &str) -> Vec<(&'static str, f64)> {
    if text.ends_with("one two three four five six") {
        return vec![(" seven", 0.99), (".", 0.01)];
    }
    if text.ends_with("Ended:") {
        return vec![("", 0.6), ("4", 0.3), ("5", 0.1)];
    }
    if text.ends_with("Spaced:") {
        return vec![(" ", 0.9), ("4", 0.05), (".", 0.001)];
    }
    let weight = |word: &str| {
        let mut hasher = DefaultHasher::new();
        (word, text).hash(&mut hasher);
        // From 1 to 1000, evenly in the logarithm.
        1000f64.powf(hasher.finish() as f64 / u64::MAX as f64)
    };
    let weights: Vec<f64> = WORDS.iter().map(|word| weight(word)).collect();
    let total: f64 = weights.iter().sum();
    let mut next: Vec<_> =
        WORDS.iter().zip(weights).map(|(word, w)| (*word, COMMON * w / total)).collect();
    next.sort_by(|a, b| b.1.total_cmp(&a.1));
    next
}

/// The probability of `token` behind `text`.
pub fn probability(text: &str, token: &str) -> f64 {
    next(text).into_iter().find(|(word, _)| *word == token).map_or(RARE, |(_, p)| p)
}

/// Every token of `text` with its log-probability; the first has none.
pub fn echoed(text: &str) -> Vec<(String, Option<f64>)> {
    let mut before = String::new();
    let mut echoed = Vec::new();
    for token in tokens(text) {
        let logprob = (!before.is_empty()).then(|| probability(&before, &token).ln());
        before += &token;
        echoed.push((token, logprob));
    }
    echoed
}

/// The log-likelihood of `candidate` behind `prompt`.
pub fn log_likelihood(prompt: &str, candidate: &str) -> f64 {
    let all = echoed(&format!("{prompt}{candidate}"));
    all[tokens(prompt).len()..].iter().filter_map(|(_, logprob)| *logprob).sum()
}

/// A text drawn token by token.
pub fn draw(text: &str, temperature: f64, mut luck: u64, count: usize) -> Vec<String> {
    let mut whole = text.to_owned();
    let mut drawn = Vec::new();
    for _ in 0..count {
        let next = next(&whole);
        let mut hasher = DefaultHasher::new();
        (luck, drawn.len()).hash(&mut hasher);
        luck = hasher.finish();
        let mut left = luck as f64 / u64::MAX as f64 * next.iter().map(|(_, p)| p).sum::<f64>();
        let found = next.iter().find(|(_, p)| {
            left -= p;
            left <= 0.0
        });
        let token = if temperature == 0.0 { next[0].0 } else { found.unwrap_or(&next[0]).0 };
        whole += token;
        drawn.push(token.to_owned());
    }
    drawn
}
