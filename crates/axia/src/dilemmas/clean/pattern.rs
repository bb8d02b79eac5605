//! Patterns that are known when the program is built.

use regex::Regex;

/// Compiles a pattern. Its word boundaries `\b` are those of ASCII, because those of Unicode make
/// the matcher many times slower on text with any other letter, such as a curly apostrophe.
pub(super) fn pattern(pattern: &str) -> Regex {
    Regex::new(&pattern.replace(r"\b", r"(?-u:\b)")).expect("the pattern is valid")
}
