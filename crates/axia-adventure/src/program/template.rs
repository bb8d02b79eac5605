//! Texts with variables in them.

use super::operation::Condition;
use super::operation::Expressions;
use crate::rewrite::closing_brace;
use crate::source::parameters;

/// A text to be printed.
#[derive(Debug, Clone)]
pub enum Template {
    /// A text without variables.
    Plain(Box<str>),
    /// Pieces of text and values.
    Parts(Vec<Part>, Box<str>),
    /// Decided when it is reached.
    Text(Box<str>),
}

/// A piece of a text.
#[derive(Debug, Clone)]
pub enum Part {
    /// As it is.
    Plain(Box<str>),
    /// The value of an expression.
    Value(Condition, Letters),
    /// One of several texts, chosen by an expression.
    Variant(Condition, Vec<Box<str>>),
}

/// What happens to the letters of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letters {
    /// Nothing.
    Keep,
    /// The first in upper, the others in lower case.
    Capitalise,
    /// All in upper case.
    Upper,
}

impl Letters {
    /// Changes the letters of `text`.
    pub(crate) fn apply(self, text: String) -> String {
        match self {
            Self::Keep => text,
            Self::Upper => text.to_uppercase(),
            Self::Capitalise => {
                let mut chars = text.chars();
                match chars.next() {
                    None => text,
                    Some(first) => {
                        first.to_uppercase().collect::<String>() + &chars.as_str().to_lowercase()
                    }
                }
            }
        }
    }
}

/// The marks of variables in text, in the order in which the benchmark replaces them.
pub(crate) const MARKS: [(&str, Option<Letters>); 4] = [
    ("${", Some(Letters::Keep)),
    ("$!{", Some(Letters::Capitalise)),
    ("$!!{", Some(Letters::Upper)),
    ("@{", None),
];

/// The condition and the variants of the inside of `@{…}`. The condition's text is removed from
/// the variants too, wherever it occurs.
pub(crate) fn variants(inside: &str) -> Option<(&str, Vec<Box<str>>)> {
    let condition = parameters(inside).first().copied()?;
    let rest = inside.replace(condition, "");
    Some((condition, rest.trim().split('|').map(Into::into).collect()))
}

impl Template {
    pub(super) fn compile(text: &str, expressions: &mut Expressions) -> Self {
        if !MARKS.iter().any(|(mark, _)| text.contains(mark)) {
            return Self::Plain(text.into());
        }
        match parts(text, expressions) {
            Some(parts) => Self::Parts(parts, text.into()),
            None => Self::Text(text.into()),
        }
    }
}

/// The parts of a text, if none depends on another.
fn parts(text: &str, expressions: &mut Expressions) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let found =
            MARKS.iter().filter_map(|mark| Some((rest.find(mark.0)?, mark))).min_by_key(|f| f.0);
        let Some((at, (mark, letters))) = found else {
            parts.push(Part::Plain(rest.into()));
            return Some(parts);
        };
        parts.push(Part::Plain(rest[..at].into()));
        let inside = &rest[at + mark.len()..];
        let length = closing_brace(inside)?;
        let inner = &inside[..length];
        if inner.contains(['{', '#']) {
            return None;
        }
        parts.push(match letters {
            Some(letters) => Part::Value(expressions.condition(&inner.to_lowercase()), *letters),
            None => {
                let (condition, variants) = variants(inner)?;
                Part::Variant(expressions.condition(condition), variants)
            }
        });
        rest = &inside[length + 1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_change_as_in_python() {
        assert_eq!(Letters::Capitalise.apply("ann LEE".into()), "Ann lee");
        assert_eq!(Letters::Upper.apply("straße".into()), "STRASSE");
        assert_eq!(Letters::Capitalise.apply(String::new()), "");
    }

    #[test]
    fn the_condition_is_removed_from_the_variants() {
        assert_eq!(
            variants("a a cat|a bat"),
            Some(("a", vec![" ct".trim_start().into(), " bt".into()]))
        );
        assert_eq!(variants("  "), None);
    }
}
