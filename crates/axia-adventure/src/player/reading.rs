//! Evaluating what was not parsed beforehand: rewriting text, step by step, as the benchmark does.

use super::handle::Player;
use crate::error::{Fault, FaultKind};
use crate::expression::{Expression, Spelling, Symbols, Value, character, evaluate, parse, quoted};
use crate::program::{
    CHOICE_TIME_STAMP, Condition, Letters, MARKS, Part, Program, Template, variants,
};
use crate::rewrite::{
    self, ampersands, braces, closing_brace, fairmath, groups, indexed, lengths, replace,
};
use std::collections::HashMap;
use std::sync::Arc;

/// Expressions parsed while playing.
#[derive(Debug, Default)]
pub(super) struct Cache(HashMap<Box<str>, Result<Arc<Expression>, Fault>>);

/// Parsed expressions that are kept, and the longest text kept.
const KEPT: usize = 4096;
const LONGEST_KEPT: usize = 512;

/// Substitutions may contain substitutions so deep.
const DEEPEST: usize = 24;

/// Work that one round of replacements counts for beyond its text, so that endless rounds over a
/// short text come to an end soon.
const ROUND: usize = 500;

/// Reads variables; changes nothing.
pub(super) struct Reader<'a> {
    pub(super) program: &'a Program,
    pub(super) symbols: &'a Symbols,
    pub(super) unlocked: &'a [Arc<str>],
    pub(super) cache: &'a mut Cache,
    pub(super) depth: usize,
}

fn assertion(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Assertion, message)
}

impl Reader<'_> {
    fn parsed(&mut self, text: &str) -> Result<Arc<Expression>, Fault> {
        if let Some(known) = self.cache.0.get(text) {
            return known.clone();
        }
        self.symbols.work(text.len())?;
        let names = &mut &**self.symbols.names();
        let parsed = parse(text, names, self.program.limits.expression_depth)
            .map(Arc::new)
            .map_err(|fault| fault.about(text));
        if text.len() <= LONGEST_KEPT {
            if self.cache.0.len() >= KEPT {
                self.cache.0.clear();
            }
            self.cache.0.insert(text.into(), parsed.clone());
        }
        parsed
    }

    /// The value of a text as it stands.
    pub(super) fn raw(&mut self, text: &str) -> Result<Value, Fault> {
        if text.starts_with([' ', '\t']) && !text.trim().is_empty() {
            let message = "there must be no space before the expression";
            return Err(Fault::new(FaultKind::Indentation, message).about(text));
        }
        let expression = self.parsed(text)?;
        evaluate(&expression, self.symbols, Spelling::AsWritten).map_err(|fault| fault.about(text))
    }

    /// The value of an expression; if a name is unknown, names are tried in lower case.
    pub(super) fn repaired(&mut self, expression: &Expression) -> Result<Value, Fault> {
        match evaluate(expression, self.symbols, Spelling::AsWritten) {
            Err(fault) if fault.kind == FaultKind::Name && self.symbols.any_created() => {
                if !expression.case_touches_literals {
                    return evaluate(expression, self.symbols, Spelling::Repaired);
                }
                let symbols = self.symbols;
                let lower =
                    rewrite::repair_case(&expression.source, |name| symbols.is_created_name(name));
                let expression = self.parsed(&lower)?;
                evaluate(&expression, self.symbols, Spelling::AsWritten)
            }
            result => result,
        }
        .map_err(|fault| fault.about(&expression.source))
    }

    /// The value of a rewritten text.
    pub(super) fn value(&mut self, text: &str) -> Result<Value, Fault> {
        let expression = self.parsed(text.trim())?;
        self.repaired(&expression)
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth >= DEEPEST {
            return Err(Fault::new(FaultKind::Limit, "substitutions are nested too deeply"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Rewrites the text of an expression. With `join`, texts joined by `&` become one literal,
    /// otherwise `&` becomes `+`.
    pub(super) fn rewritten(
        &mut self,
        text: &str,
        join: bool,
        keywords: bool,
    ) -> Result<String, Fault> {
        self.symbols.work(text.len())?;
        let mut text = self.achievements(text);
        if text.contains('{') {
            text = self.filled(&text)?;
        }
        text = rewrite::operators(&text);
        if text.contains("length(") {
            text = replace(&text, &lengths(&text), |piece| {
                let value = self.raw(piece.inner)?.printed();
                Ok(value.chars().count().to_string())
            })?;
        }
        if keywords {
            text = rewrite::keywords(&text, &self.program.keywords);
        }
        if text.contains('#') {
            text =
                replace(&text, &indexed(&text), |piece| self.indexed(piece.inner, piece.second))?;
        }
        while text.contains('{') {
            let pieces = braces(&text);
            if pieces.is_empty() {
                let message = "a brace `{` is not closed, or nothing stands in it";
                let kind = if text.contains('}') { FaultKind::Limit } else { FaultKind::Assertion };
                return Err(Fault::new(kind, message).about(&text));
            }
            text = replace(&text, &pieces, |piece| self.referenced(piece.inner))?;
            self.symbols.work(text.len() + ROUND)?;
        }
        if !text.contains('&') {
            return Ok(text);
        }
        let bare = text.replace(['(', ')'], "");
        if !join {
            return Ok(ampersands(&bare).join("+"));
        }
        let mut joined = String::from("\"");
        for part in ampersands(&bare) {
            joined.push_str(&self.value(part)?.printed());
            self.symbols.work(joined.len())?;
        }
        joined.push('"');
        Ok(joined)
    }

    /// `choice_achieved_x` becomes `True` or `False`.
    fn achievements(&self, text: &str) -> String {
        const MARK: &str = "choice_achieved_";
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(MARK) {
            let name = &rest[at + MARK.len()..];
            let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len());
            out.push_str(&rest[..at]);
            if end == 0 {
                out.push_str(MARK);
            } else {
                let unlocked = self.unlocked.iter().any(|id| **id == name[..end]);
                out.push_str(if unlocked { "True" } else { "False" });
            }
            rest = &name[end..];
        }
        out.push_str(rest);
        out
    }

    /// `name#number`
    fn indexed(&mut self, name: &str, number: &str) -> Result<String, Fault> {
        self.deeper(|reader| {
            let rewritten = reader.rewritten(name, true, true)?;
            let text = reader.value(&rewritten)?.printed();
            let rewritten = reader.rewritten(number, true, true)?;
            let at = reader.value(&rewritten)?.to_index()?;
            character(&text, at).map(String::from)
        })
    }

    /// `{expression}`
    fn referenced(&mut self, inner: &str) -> Result<String, Fault> {
        self.deeper(|reader| {
            let name = reader.rewritten(inner, true, true)?.replace('"', "");
            let value = reader.value(&name)?;
            match &value {
                Value::Text(text) if inner.contains('"') => Ok(format!("\"{text}\"")),
                value => Ok(value.printed()),
            }
        })
    }

    /// The value of a condition. With `boolean`, nothing but a boolean will do.
    pub(super) fn check(&mut self, text: &str, boolean: bool) -> Result<Value, Fault> {
        if text.contains(CHOICE_TIME_STAMP) {
            return Ok(Value::Bool(false));
        }
        let text = rewrite::booleans(text);
        let text = self.rewritten(text.trim(), false, true)?;
        let text = self.fairmath(None, &text)?;
        let mut value = self.value(&text)?;
        if boolean {
            require_boolean(&value, &text)?;
        }
        if self.program.numeric_texts && matches!(value, Value::Bool(false)) {
            let compared = text.rsplit('=').next().unwrap_or_default().trim();
            if looks_like_a_number(&compared.replace('"', "")) {
                value = Value::Bool(self.value(&text.replace('"', ""))?.truth());
            }
        }
        Ok(value)
    }

    /// Works out fairmath in a rewritten text, group by group from the inside.
    pub(super) fn fairmath(&mut self, target: Option<&str>, text: &str) -> Result<String, Fault> {
        let mut text = text.trim().to_owned();
        if text.starts_with("%+") || text.starts_with("%-") {
            text = format!("({} {text})", target.unwrap_or("None"));
        }
        while fairmath(&text) {
            text = format!("({text})");
            self.symbols.work(text.len() + ROUND)?;
            let pieces = groups(&text);
            text = replace(&text, &pieces, |piece| self.fairmath_group(piece.inner))?;
        }
        Ok(text)
    }

    fn fairmath_group(&mut self, inner: &str) -> Result<String, Fault> {
        // A call loses its parentheses when they are worked out, and gets them back here.
        let called = |text: &str| match text.strip_prefix("round_to_int") {
            Some(argument) => format!("round_to_int({argument})"),
            None => text.to_owned(),
        };
        self.deeper(|reader| {
            let mut number = |text: &str| {
                let rewritten = reader.rewritten(text, true, true)?;
                reader.value(&rewritten)
            };
            if !fairmath(inner) {
                return Ok(number(&called(inner))?.printed());
            }
            let add = inner.contains("%+");
            let parts: Vec<&str> = inner.split(if add { "%+" } else { "%-" }).collect();
            let [old, percent] = parts[..] else {
                return Err(assertion("fairmath stands twice in one pair of parentheses"));
            };
            let old = number(old)?.to_float()?;
            let percent = number(&called(percent))?.to_float()?;
            Ok(fair(add, old, percent)?.printed())
        })
    }

    /// Replaces variables in a text.
    pub(super) fn filled(&mut self, text: &str) -> Result<String, Fault> {
        let mut text = text.to_owned();
        for (mark, letters) in MARKS {
            while let Some(at) = text.find(mark) {
                self.symbols.work(text.len() + ROUND)?;
                if text.len() > self.program.limits.text_per_step {
                    return Err(Fault::new(FaultKind::Limit, "a text grows too long"));
                }
                let inside = at + mark.len();
                let length = closing_brace(&text[inside..]).ok_or_else(|| {
                    Fault::new(FaultKind::Index, format!("`{mark}` is not closed by `}}`"))
                        .about(&text[at..])
                })?;
                let inner = text[inside..inside + length].to_owned();
                let value = self.deeper(|reader| match letters {
                    Some(letters) => reader.inserted(&inner, letters),
                    None => reader.variant(&inner),
                })?;
                text.replace_range(at..inside + length + 1, &value);
            }
        }
        Ok(text)
    }

    /// The inside of `${…}`.
    fn inserted(&mut self, inner: &str, letters: Letters) -> Result<String, Fault> {
        let lower = inner.to_lowercase();
        let parts: Vec<&str> = lower.split('#').collect();
        let value = match parts[..] {
            [whole] => self.check(whole, false)?.printed(),
            [name, number] => {
                let at = self.check(number, false)?.to_index()?;
                String::from(character(&self.raw(name)?.printed(), at)?)
            }
            _ => {
                let message = "`#` stands twice in one variable";
                return Err(Fault::new(FaultKind::Value, message).about(inner));
            }
        };
        Ok(letters.apply(value))
    }

    /// The inside of `@{…}`.
    fn variant(&mut self, inner: &str) -> Result<String, Fault> {
        let (condition, texts) = variants(inner)
            .ok_or_else(|| Fault::new(FaultKind::Index, "nothing stands in `@{}`"))?;
        let value = self.check(condition, false)?;
        chosen(&value, &texts).map(|text| text.to_owned())
    }
}

/// The text that `value` chooses: true the first, false the second, a number the one of that
/// number, counted from the end if it is not positive.
pub(super) fn chosen<'a>(value: &Value, texts: &'a [Box<str>]) -> Result<&'a str, Fault> {
    let number = match value {
        Value::Bool(truth) => 2 - i64::from(*truth),
        other => other.to_index()?,
    };
    let position = number.saturating_sub(1);
    let position = if position < 0 { position + texts.len() as i64 } else { position };
    usize::try_from(position)
        .ok()
        .and_then(|n| texts.get(n))
        .map(|text| &**text)
        .ok_or_else(|| Fault::new(FaultKind::Index, format!("`@{{}}` has no text number {number}")))
}

/// Fairmath: `percent` of the way from `old` to 100 or to 0, rounded to a whole number.
pub(super) fn fair(add: bool, old: f64, percent: f64) -> Result<Value, Fault> {
    let new = if add { old + (100.0 - old) * percent / 100.0 } else { old - old * percent / 100.0 };
    crate::expression::round(&Value::Float(new))
}

pub(super) fn require_boolean(value: &Value, text: &str) -> Result<bool, Fault> {
    match value {
        Value::Bool(truth) | Value::Scalar(crate::expression::Scalar::Bool(truth)) => Ok(*truth),
        other => Err(assertion(format!(
            "a condition must be true or false, but `{}` is {}",
            text.trim(),
            match other {
                Value::Text(text) => quoted(text),
                other => other.printed(),
            }
        ))
        .about(text)),
    }
}

/// Digits, with at most one point among them.
pub(super) fn looks_like_a_number(text: &str) -> bool {
    let digits = text.replacen('.', "1", 1);
    !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
}

impl Player {
    /// Prints a text and a newline.
    pub(super) fn print(&mut self, program: &Program, template: &Template) -> Result<(), Fault> {
        let start = self.output.len();
        match template {
            Template::Plain(text) => self.output.push_str(text),
            Template::Parts(parts, text) => {
                if self.print_parts(program, parts).is_none() {
                    // A value has marks in it, or something is wrong: the text knows best.
                    self.output.truncate(start);
                    self.print_filled(program, text)?;
                }
            }
            Template::Text(text) => self.print_filled(program, text)?,
        }
        self.output.push('\n');
        if self.output.len() > program.limits.text_per_step {
            return Err(Fault::new(FaultKind::Limit, "too much text is printed in one step"));
        }
        Ok(())
    }

    fn print_filled(&mut self, program: &Program, text: &str) -> Result<(), Fault> {
        let filled = self.reader(program).filled(text)?;
        self.output.push_str(&filled);
        Ok(())
    }

    fn print_parts(&mut self, program: &Program, parts: &[Part]) -> Option<()> {
        for part in parts {
            match part {
                Part::Plain(text) => self.output.push_str(text),
                Part::Value(condition, letters) => {
                    let value = self.condition_value(program, condition)?;
                    let start = self.output.len();
                    if *letters == crate::program::Letters::Keep {
                        value.print_to(&mut self.output);
                    } else {
                        self.output.push_str(&letters.apply(value.printed()));
                    }
                    if self.output[start..].contains(['$', '@', '{', '}', '!']) {
                        return None;
                    }
                }
                Part::Variant(condition, texts) => {
                    let value = self.condition_value(program, condition)?;
                    self.output.push_str(chosen(&value, texts).ok()?);
                }
            }
        }
        Some(())
    }

    fn condition_value(&mut self, program: &Program, condition: &Condition) -> Option<Value> {
        match condition {
            Condition::Always => Some(Value::Bool(true)),
            Condition::Never => Some(Value::Bool(false)),
            Condition::Parsed(expression) => self.reader(program).repaired(expression).ok(),
            Condition::Text(text) => self.reader(program).check(text, false).ok(),
        }
    }
}
