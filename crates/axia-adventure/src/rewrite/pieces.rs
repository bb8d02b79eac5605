//! Finding the pieces of a text that are replaced.

use super::words::word_char;
use crate::error::Fault;

/// A piece of a text to be replaced: where it begins and ends, and what lies inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The piece without its marks.
    pub(crate) inner: &'a str,
    /// The second part, where there are two.
    pub(crate) second: &'a str,
}

/// Replaces the pieces, which are in order, by what `value` makes of them.
pub(crate) fn replace(
    text: &str,
    pieces: &[Piece],
    mut value: impl FnMut(&Piece) -> Result<String, Fault>,
) -> Result<String, Fault> {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for piece in pieces {
        out.push_str(&text[at..piece.start]);
        out.push_str(&value(piece)?);
        at = piece.end;
    }
    out.push_str(&text[at..]);
    Ok(out)
}

/// `length(word)`
pub(crate) fn lengths(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("length(") {
        let start = at + found;
        let open = start + "length(".len();
        let length = text[open..].find(|c| !word_char(c)).unwrap_or(text.len() - open);
        if length > 0 && text[open + length..].starts_with(')') {
            let end = open + length + 1;
            pieces.push(Piece { start, end, inner: &text[open..open + length], second: "" });
            at = end;
        } else {
            at = open;
        }
    }
    pieces
}

/// `word#word`
pub(crate) fn indexed(text: &str) -> Vec<Piece<'_>> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (hash, _) in text.match_indices('#') {
        let free = pieces.last().map_or(0, |piece| piece.end);
        if hash < free {
            continue;
        }
        let before = &text[free..hash];
        let start = before
            .rfind(|c| !word_char(c))
            .map_or(free, |at| free + at + before[at..].chars().next().map_or(1, char::len_utf8));
        let after = &text[hash + 1..];
        let length = after.find(|c| !word_char(c)).unwrap_or(after.len());
        if start < hash && length > 0 {
            pieces.push(Piece {
                start,
                end: hash + 1 + length,
                inner: &text[start..hash],
                second: &after[..length],
            });
        }
    }
    pieces
}

/// `{…}` without braces inside, and not empty.
pub(crate) fn braces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut open = None;
    for (at, c) in text.char_indices() {
        match (c, open) {
            ('{', _) => open = Some(at),
            ('}', Some(start)) => {
                if start + 1 < at {
                    let inner = &text[start + 1..at];
                    pieces.push(Piece { start, end: at + 1, inner, second: "" });
                }
                open = None;
            }
            _ => {}
        }
    }
    pieces
}

/// `(…)` without an opening parenthesis inside.
pub(crate) fn groups(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut open = None;
    for (at, c) in text.char_indices() {
        match (c, open) {
            ('(', _) => open = Some(at),
            (')', Some(start)) => {
                let inner = &text[start + 1..at];
                pieces.push(Piece { start, end: at + 1, inner, second: "" });
                open = None;
            }
            _ => {}
        }
    }
    pieces
}

/// The length of the text up to the brace that closes the one before it.
pub(crate) fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The parts between `&` outside double quotes, counted from the end.
pub(crate) fn ampersands(text: &str) -> Vec<&str> {
    let mut quotes = text.matches('"').count();
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quotes -= 1,
            '&' if quotes.is_multiple_of(2) => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Whether fairmath occurs in the text.
pub(crate) fn fairmath(text: &str) -> bool {
    text.contains("%+") || text.contains("%-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inner(pieces: &[Piece]) -> Vec<(String, String)> {
        pieces.iter().map(|p| (p.inner.to_owned(), p.second.to_owned())).collect()
    }

    fn one(first: &str) -> (String, String) {
        (first.into(), String::new())
    }

    #[test]
    fn pieces_are_found_where_the_benchmark_finds_them() {
        assert_eq!(
            inner(&lengths("length(a) + wavelength(b) + length(\"x\")")),
            [one("a"), one("b")]
        );
        assert_eq!(
            inner(&indexed("name#1 + a#b#c + #x + y#")),
            [("name".into(), "1".into()), ("a".into(), "b".into())]
        );
        assert_eq!(inner(&braces("{a{b}} {} {c}")), [one("b"), one("c")]);
        assert_eq!(inner(&groups(") (a (b) c) ()")), [one("b"), one("")]);
        assert_eq!(closing_brace("a{b}c}d"), Some(5));
        assert_eq!(closing_brace("a{b}"), None);
        assert_eq!(ampersands("a&\"b&c\"&d"), ["a", "\"b&c\"", "d"]);
        assert_eq!(indexed("é#ü")[0].inner, "é");
    }
}
