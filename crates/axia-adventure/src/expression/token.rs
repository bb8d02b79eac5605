//! Cuts an expression into tokens.

use super::names::Symbol;
use super::number::{Arithmetic, parse_int};
use super::value::{Value, parse_float};
use crate::error::{Fault, FaultKind};
use std::iter::Peekable;
use std::str::CharIndices;

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A literal number or text.
    Literal(Literal),
    /// A name or keyword.
    Word(Box<str>),
    /// An operator or bracket.
    Mark(&'static str),
}

/// A literal.
#[derive(Debug, Clone)]
pub(super) struct Literal(pub Value);

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        self.0.literal() == other.0.literal()
    }
}

/// Operators and brackets, longest first.
const MARKS: [&str; 25] = [
    "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "(", ")", "[", "]", "+", "-", "*", "/", "%",
    "<", ">", "|", "&", "^", "~", ",", ".",
];

/// The tokens of `source`, and whether a literal's text depends on the case of what stands in it
/// although it is not between double quotes.
pub(super) fn tokens(source: &str) -> Result<(Vec<Token>, bool), Fault> {
    let mut out = Vec::new();
    let mut single_quoted = source.contains('\\');
    let mut chars = source.char_indices().peekable();
    while let Some(&(start, c)) = chars.peek() {
        if c == ' ' || c == '\t' || c == '\u{c}' {
            chars.next();
        } else if c == '#' {
            // The rest is a comment.
            break;
        } else if c == '"' || c == '\'' {
            single_quoted |= c == '\'';
            out.push(Token::Literal(Literal(string(source, &mut chars)?)));
        } else if c.is_ascii_digit() || (c == '.' && followed_by_digit(source, start)) {
            out.push(Token::Literal(Literal(number(source, &mut chars)?)));
        } else if c == '_' || c.is_alphabetic() {
            let end = word_end(source, start);
            skip_to(&mut chars, end);
            let word = &source[start..end];
            let prefix = matches!(word, "b" | "f" | "r" | "u" | "B" | "F" | "R" | "U");
            if prefix && source[end..].starts_with(['"', '\'']) {
                return Err(syntax(format!("a text must not begin with the prefix `{word}`")));
            }
            out.push(Token::Word(word.into()));
        } else if let Some(mark) = MARKS.iter().find(|mark| source[start..].starts_with(**mark)) {
            skip_to(&mut chars, start + mark.len());
            out.push(Token::Mark(mark));
        } else {
            return Err(syntax(format!("the character `{c}` does not belong in an expression")));
        }
    }
    Ok((out, single_quoted))
}

pub(super) fn syntax(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Syntax, message)
}

fn skip_to(chars: &mut Peekable<CharIndices>, end: usize) {
    while chars.next_if(|(at, _)| *at < end).is_some() {}
}

fn followed_by_digit(source: &str, start: usize) -> bool {
    source[start + 1..].starts_with(|c: char| c.is_ascii_digit())
}

fn word_end(source: &str, start: usize) -> usize {
    source[start..]
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .map_or(source.len(), |length| start + length)
}

fn string(source: &str, chars: &mut Peekable<CharIndices>) -> Result<Value, Fault> {
    let unterminated = || syntax("a quotation mark is not closed");
    let (start, quote) = chars.next().ok_or_else(unterminated)?;
    let mut text = String::new();
    if source[start + 1..].starts_with(&[quote, quote][..].iter().collect::<String>()) {
        return triple_quoted(source, chars, start, quote);
    }
    loop {
        let (_, c) = chars.next().ok_or_else(unterminated)?;
        if c == quote {
            return Ok(Value::text(&text));
        }
        if c == '\n' {
            return Err(unterminated());
        }
        if c != '\\' {
            text.push(c);
            continue;
        }
        let (_, escaped) = chars.next().ok_or_else(unterminated)?;
        match escaped {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            '\\' | '\'' | '"' => text.push(escaped),
            other => {
                text.push('\\');
                text.push(other);
            }
        }
    }
}

fn triple_quoted(
    source: &str,
    chars: &mut Peekable<CharIndices>,
    start: usize,
    quote: char,
) -> Result<Value, Fault> {
    let close: String = [quote; 3].iter().collect();
    let body = &source[start + 3..];
    let length = body.find(&close).ok_or_else(|| syntax("a quotation mark is not closed"))?;
    skip_to(chars, start + 3 + length + 3);
    Ok(Value::text(&body[..length]))
}

fn number(source: &str, chars: &mut Peekable<CharIndices>) -> Result<Value, Fault> {
    let start = chars.peek().map_or(source.len(), |(at, _)| *at);
    let end = number_end(source, start);
    skip_to(chars, end);
    let text = &source[start..end];
    let invalid = || syntax(format!("`{text}` is not a number"));
    // A keyword may follow a number without a space, a name may not.
    let next = &source[end..word_end(source, end)];
    if !next.is_empty() && !matches!(next, "and" | "or" | "in" | "is" | "if" | "else" | "not") {
        return Err(syntax(format!("`{text}{next}` is neither a number nor a name")));
    }
    if text.contains(['.', 'e', 'E']) {
        return parse_float(text).map(Value::Float).ok_or_else(invalid);
    }
    if text.len() > 1 && text.starts_with('0') && text.contains(|c| c != '0' && c != '_') {
        return Err(syntax(format!("the number `{text}` must not begin with 0")));
    }
    if text.len() > 4300 {
        return Err(syntax("a number has more than 4300 digits"));
    }
    parse_int(text).ok_or_else(invalid)
}

fn number_end(source: &str, start: usize) -> usize {
    let bytes = source.as_bytes();
    let mut end = start;
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(|b| b.is_ascii_digit() || *b == b'_') {
            at += 1;
        }
        at
    };
    end = digits(end);
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    end
}

/// A parsed expression.
#[derive(Debug, Clone)]
pub struct Expression {
    /// Its tree; `None` for an empty text, which evaluates to `None`.
    pub root: Option<Node>,
    /// The text it was parsed from.
    pub source: Box<str>,
    /// Repairing the case of names would also change string literals, so that it must be done on
    /// the text and not on the tree.
    pub case_touches_literals: bool,
}

/// One node of the tree.
#[derive(Debug, Clone)]
pub enum Node {
    /// A literal.
    Constant(Value),
    /// A name: as written, and in lower case.
    Name(Symbol, Symbol),
    /// `+x`, `-x`, `~x`
    Unary(Sign, Box<Node>),
    /// `not x`
    Not(Box<Node>),
    /// `a + b` and its like.
    Binary(Arithmetic, Box<(Node, Node)>),
    /// `a | b` and its like.
    Bits(BitOperator, Box<(Node, Node)>),
    /// `a and b and c` (`true`) or `a or b or c`.
    Logic(bool, Vec<Node>),
    /// `a < b <= c`
    Compare(Box<Node>, Vec<(Comparison, Node)>),
    /// `f(a, b)`
    Call(Box<Node>, Vec<Node>),
    /// `a[b]`
    Index(Box<(Node, Node)>),
    /// `a.name`
    Attribute(Box<Node>, Box<str>),
    /// `a if condition else b`: condition, a, b.
    Conditional(Box<(Node, Node, Node)>),
    /// A tuple (`true`) or list.
    Sequence(bool, Vec<Node>),
}

/// A sign in front of an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `~`
    Invert,
}

/// An operator on the bits of whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitOperator {
    /// `|`
    Or,
    /// `^`
    ExclusiveOr,
    /// `&`
    And,
    /// `<<`
    ShiftLeft,
    /// `>>`
    ShiftRight,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `in`
    In,
    /// `not in`
    NotIn,
    /// `is`
    Is,
    /// `is not`
    IsNot,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<String> {
        match tokens(source) {
            Ok((tokens, _)) => tokens
                .into_iter()
                .map(|token| match token {
                    Token::Literal(Literal(value)) => value.literal(),
                    Token::Word(word) => word.into(),
                    Token::Mark(mark) => mark.into(),
                })
                .collect(),
            Err(fault) => vec![fault.message.into()],
        }
    }

    #[test]
    fn text_is_cut_into_tokens() {
        assert_eq!(words("a**-2.5e3//b # c"), ["a", "**", "-", "2500.0", "//", "b"]);
        assert_eq!(words("\"it's\"=='x'"), ["\"it's\"", "==", "'x'"]);
        assert_eq!(words("05.5 00 .5 1."), ["5.5", "0", "0.5", "1.0"]);
        assert_eq!(words("\"\"\"a\"b\"\"\" \"\""), ["'a\"b'", "''"]);
    }

    #[test]
    fn mistakes_are_named() {
        for source in ["05", "5x", "\"a", "a $ b", "f\"x\"", "1__0"] {
            assert!(tokens(source).is_err(), "{source}: {:?}", words(source));
        }
    }
}
