//! Rewriting of expression text, piece by piece. The benchmark evaluates expressions by replacing
//! pieces of their text, string literals included, and every quirk of its games comes from that.

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

/// Whether `c` belongs to a word.
fn word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Writes operators the way the evaluator knows them: `=` becomes `==`, `modulo` `%`, `^` `**`.
pub(crate) fn operators(text: &str) -> String {
    let mut out = text.replace('=', "==");
    if out.len() != text.len() {
        out = out.replace("<==", "<=").replace(">==", ">=").replace("!==", "!=");
    }
    for (from, to) in [("modulo", "%"), ("^", "**"), ("round(", "round_to_int(")] {
        if out.contains(from) {
            out = out.replace(from, to);
        }
    }
    out
}

/// Capitalises `true` and `false`, also inside longer words, wherever an even number of quotation
/// marks follows.
pub(crate) fn booleans(text: &str) -> String {
    let once = capitalise(text, ["TRUE", "true"], "True");
    capitalise(&once, ["FALSE", "false"], "False")
}

fn capitalise(text: &str, forms: [&str; 2], word: &str) -> String {
    if !forms.iter().any(|form| text.contains(form)) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut quotes = text.matches(['"', '\'']).count();
    while let Some(c) = rest.chars().next() {
        let form = forms.iter().find(|form| rest.starts_with(**form));
        let length = match form {
            Some(form) if quotes.is_multiple_of(2) => {
                out.push_str(word);
                form.len()
            }
            _ => {
                out.push(c);
                quotes -= usize::from(c == '"' || c == '\'');
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    out
}

/// Appends `_` to keywords that are variables, outside double quotes.
pub(crate) fn keywords(text: &str, keywords: &[Box<str>]) -> String {
    if !keywords.iter().any(|word| text.contains(&**word)) {
        return text.to_owned();
    }
    outside_quotes(text, |rest, out| {
        let word = keywords.iter().find(|word| {
            rest.starts_with(&***word) && !rest[word.len()..].starts_with(word_char)
        })?;
        out.push_str(&word.to_lowercase());
        out.push('_');
        Some(word.len())
    })
}

/// Writes words that `known` recognises in lower case, outside double quotes.
pub(crate) fn repair_case(text: &str, known: impl Fn(&str) -> bool) -> String {
    outside_quotes(text, |rest, out| {
        let length = rest.find(|c| !word_char(c)).unwrap_or(rest.len());
        let lower = rest[..length].to_lowercase();
        if length == 0 || !known(&lower) {
            return None;
        }
        out.push_str(&lower);
        Some(length)
    })
}

/// Copies `text`; at each place outside double quotes that does not follow a word's character,
/// `word` may write something else and say how much of the text that stands for.
fn outside_quotes(text: &str, word: impl Fn(&str, &mut String) -> Option<usize>) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut at = 0;
    let mut previous = ' ';
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let quoted = if c == '"' { rest[1..].find('"').map(|end| end + 2) } else { None };
        let length = if let Some(length) = quoted {
            out.push_str(&rest[..length]);
            length
        } else if let Some(length) = if word_char(previous) { None } else { word(rest, &mut out) } {
            length
        } else {
            out.push(c);
            c.len_utf8()
        };
        previous = rest[..length].chars().next_back().unwrap_or(' ');
        at += length;
    }
    out
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

    #[test]
    fn operators_change_inside_literals_too() {
        assert_eq!(operators("a = b"), "a == b");
        assert_eq!(operators("a >= b != c"), "a >= b != c");
        assert_eq!(operators("\"5 modulo 2^3\" round(x)"), "\"5 % 2**3\" round_to_int(x)");
        assert_eq!(operators("x => 5"), "x ==> 5");
    }

    #[test]
    fn booleans_change_outside_quotes() {
        assert_eq!(booleans("t = true"), "t = True");
        assert_eq!(booleans("trueblue and FALSE"), "Trueblue and False");
        assert_eq!(booleans("w = \"true\""), "w = \"true\"");
        assert_eq!(booleans("\"it's\" = true"), "\"it's\" = True", "marks before do not matter");
        assert_eq!(booleans("true = \"it's\""), "true = \"it's\"", "three marks follow");
    }

    #[test]
    fn keywords_get_an_underscore() {
        let words: Vec<Box<str>> = vec!["class".into(), "from".into()];
        assert_eq!(
            keywords("class&\"class\" classy from", &words),
            "class_&\"class\" classy from_"
        );
        assert_eq!(keywords("class_ CLASS", &words), "class_ CLASS");
        assert_eq!(
            keywords("\"open class", &words),
            "\"open class_",
            "an open quote hides nothing"
        );
    }

    #[test]
    fn case_is_repaired_word_by_word() {
        let known = |word: &str| matches!(word, "name" | "b");
        assert_eq!(
            repair_case("NAME + B + \"NAME\" + Names", known),
            "name + b + \"NAME\" + Names"
        );
    }
}
