//! Which expressions can be parsed before the game is played.
//!
//! An expression is evaluated by rewriting its text first. Where the rewriting depends on no
//! value, it is done here once and the result parsed; everything else is left as text and rewritten
//! when it is reached. Both ways give the same result, which the tests check.

use crate::expression::{Arithmetic, Expression, Names, Resolve, Value, is_identifier, parse};
use crate::limits::Limits;
use crate::rewrite::{self, ampersands, fairmath};

use super::operation::{Assignment, Change, Condition, Operand, Parameter, Target};

/// A variable that tells the time; whatever asks for it is false.
pub(crate) const CHOICE_TIME_STAMP: &str = "choice_time_stamp";

/// The text of an expression after rewriting, if that depends on no value. `&` is left alone.
pub(crate) fn static_text(text: &str, keywords: &[Box<str>]) -> Option<String> {
    let depends = text.contains('{')
        || text.contains("choice_achieved_")
        || !rewrite::lengths(text).is_empty()
        || !rewrite::indexed(text).is_empty();
    (!depends).then(|| rewrite::keywords(&rewrite::operators(text), keywords))
}

/// Parses expressions while a program is compiled.
pub(super) struct Expressions<'a> {
    pub(super) names: &'a mut Names,
    pub(super) keywords: &'a [Box<str>],
    pub(super) limits: &'a Limits,
    /// Texts that look like numbers are compared and kept as numbers: always decided while playing.
    pub(super) numeric_texts: bool,
}

impl Expressions<'_> {
    fn parsed(&mut self, text: &str) -> Option<Expression> {
        parse(text.trim(), self.names, self.limits.expression_depth).ok()
    }

    /// Compiles a condition.
    pub(super) fn condition(&mut self, text: &str) -> Condition {
        if text.contains(CHOICE_TIME_STAMP) {
            return Condition::Never;
        }
        let dynamic = || Condition::Text(text.into());
        if self.numeric_texts {
            return dynamic();
        }
        let Some(mut rewritten) = static_text(rewrite::booleans(text).trim(), self.keywords) else {
            return dynamic();
        };
        if rewritten.contains('&') {
            let bare = rewritten.replace(['(', ')'], "");
            rewritten = ampersands(&bare).join("+");
        }
        if fairmath(&rewritten) {
            return dynamic();
        }
        self.parsed(&rewritten).map_or_else(dynamic, Condition::Parsed)
    }

    /// Compiles an assignment.
    pub(super) fn assignment(&mut self, variable: &str, value: Option<&str>) -> Assignment {
        let target = self.target(variable);
        let change = match (value, &target) {
            (None, _) => Change::Constant(Value::None),
            (Some(text), Target::Known(_, name)) if !self.numeric_texts => {
                let name = name.clone();
                self.change(&name, text).unwrap_or(Change::Text)
            }
            (Some(_), _) => Change::Text,
        };
        Assignment { target, text: value.map(Into::into), change }
    }

    /// Compiles a parameter. Fairmath needs to know the variable and is left for later.
    pub(super) fn parameter(&mut self, text: &str) -> Parameter {
        let later = self.numeric_texts || fairmath(text);
        let change = if later { None } else { self.change("", text) };
        Parameter { text: text.into(), change: change.unwrap_or(Change::Text) }
    }

    /// Compiles the name of a variable to be set.
    pub(super) fn target(&mut self, variable: &str) -> Target {
        let lower = variable.to_lowercase();
        let name = static_text(&lower, self.keywords).filter(|name| is_identifier(name));
        match name {
            Some(name) => Target::Known(self.names.symbol(&name), name.into()),
            None => Target::Text(variable.into()),
        }
    }

    fn change(&mut self, target: &str, text: &str) -> Option<Change> {
        if text.starts_with('&') || text.contains('#') || text.contains(CHOICE_TIME_STAMP) {
            return None;
        }
        let rewritten = static_text(text, self.keywords)?;
        if rewritten.contains('&') {
            return self.join(&rewritten);
        }
        let trimmed = rewritten.trim();
        if fairmath(trimmed) {
            return self.fairmath(target, trimmed);
        }
        match trimmed.to_lowercase().replace('"', "").as_str() {
            "true" => return Some(Change::Constant(Value::Bool(true))),
            "false" => return Some(Change::Constant(Value::Bool(false))),
            _ => {}
        }
        let operator = match trimmed.as_bytes().first()? {
            b'+' => Some(Arithmetic::Add),
            b'-' => Some(Arithmetic::Subtract),
            b'*' => Some(Arithmetic::Multiply),
            b'/' => Some(Arithmetic::Divide),
            _ => None,
        };
        if let Some(operator) = operator {
            return Some(Change::Increment(operator, self.parsed(&trimmed[1..].to_lowercase())?));
        }
        if trimmed.contains('=') {
            return self.parsed(trimmed).map(Change::Value);
        }
        if trimmed.contains(['"', '\'']) {
            return Some(Change::Constant(Value::text(&trimmed.replace(['\\', '"'], ""))));
        }
        // An assignment as such would also accept what is no expression, but nothing else.
        self.parsed(trimmed).filter(|parsed| parsed.root.is_some()).map(Change::Value)
    }

    fn join(&mut self, rewritten: &str) -> Option<Change> {
        let bare = rewritten.replace(['(', ')'], "");
        let parts = ampersands(&bare).into_iter().map(|part| self.parsed(part));
        parts.collect::<Option<Vec<_>>>().map(Change::Join)
    }

    /// `%+ x` and `%- x`, where `x` is one parenthesis or has none. In both cases the text of `x`'s
    /// value stands for `x`, if the value is a number.
    fn fairmath(&mut self, target: &str, text: &str) -> Option<Change> {
        let add = text.starts_with("%+");
        let by = text.strip_prefix("%+").or_else(|| text.strip_prefix("%-"))?.trim();
        let bare = by.strip_prefix('(').and_then(|by| by.strip_suffix(')')).unwrap_or(by);
        // The text is rewritten twice, so that only what rewriting leaves alone is allowed.
        let plain = |c: char| c.is_alphanumeric() || "_ .+-*/%".contains(c);
        if bare.trim().is_empty()
            || fairmath(bare)
            || !bare.chars().all(plain)
            || bare.contains("modulo")
            || bare.starts_with("round_to_int")
            || target.starts_with("round_to_int")
        {
            return None;
        }
        Some(Change::Fairmath { add, by: self.parsed(bare)? })
    }

    /// Compiles a word that is not rewritten.
    pub(super) fn operand(&mut self, text: &str) -> Operand {
        Operand { text: text.into(), parsed: self.parsed(text) }
    }
}
