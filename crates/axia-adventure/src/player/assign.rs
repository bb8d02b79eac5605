//! Assigning to variables.

use crate::error::{Fault, FaultKind};
use crate::expression::{
    Arithmetic, Spelling, Symbol, Value, apply, evaluate, is_identifier, is_reserved,
};
use crate::program::{Assignment, CHOICE_TIME_STAMP, Change, Program, Target};
use crate::rewrite::fairmath;

use super::handle::Player;
use super::reading::{fair, looks_like_a_number};

impl Player {
    /// Carries out an assignment and says which variable it was.
    pub(super) fn assign(
        &mut self,
        program: &Program,
        assignment: &Assignment,
    ) -> Result<Symbol, Fault> {
        let Assignment { target, change, text } = assignment;
        self.assign_to(program, target, change, text.as_deref())
    }

    /// Assigns what `change` means, or else what `text` does.
    pub(super) fn assign_to(
        &mut self,
        program: &Program,
        target: &Target,
        change: &Change,
        text: Option<&str>,
    ) -> Result<Symbol, Fault> {
        if let Target::Known(symbol, _) = target
            && let Some(value) = self.prepared(program, symbol, change)
        {
            self.state.symbols.set(symbol, value)?;
            self.state.keep_temporary(symbol, false);
            return Ok(symbol.clone());
        }
        // The text knows best what is wrong.
        self.assign_text(program, target.text(), text)
    }

    /// The new value, if all goes well and it does not depend on how values are written.
    fn prepared(&mut self, program: &Program, symbol: &Symbol, change: &Change) -> Option<Value> {
        match change {
            Change::Constant(value) => Some(value.clone()),
            Change::Value(expression) => self.reader(program).repaired(expression).ok(),
            Change::Increment(operator, expression) => {
                let by = evaluate(expression, &self.state.symbols, Spelling::AsWritten).ok()?;
                let by = plain_number(by)?;
                let old = self.state.symbols.get(symbol)?;
                apply(*operator, &old, &by, &self.state.symbols).ok()
            }
            Change::Fairmath { add, by } => {
                let by = plain_number(self.reader(program).repaired(by).ok()?)?;
                let old = self.state.symbols.get(symbol)?.to_float().ok()?;
                fair(*add, old, by.to_float().ok()?).ok()
            }
            Change::Join(parts) => {
                let mut joined = String::new();
                for part in parts {
                    self.reader(program).repaired(part).ok()?.print_to(&mut joined);
                    self.state.symbols.work(joined.len()).ok()?;
                }
                let special = joined.contains('=')
                    || fairmath(&joined)
                    || joined.contains(CHOICE_TIME_STAMP)
                    || boolean(&joined).is_some();
                (!special).then(|| Value::text(&joined.replace(['\\', '"'], "")))
            }
            Change::Text => None,
        }
    }

    /// Assigns by rewriting texts, as the benchmark does.
    pub(super) fn assign_text(
        &mut self,
        program: &Program,
        variable: &str,
        value: Option<&str>,
    ) -> Result<Symbol, Fault> {
        let name = self.reader(program).rewritten(&variable.to_lowercase(), true, true)?;
        let name = name.replace('"', "");
        let symbol = program.names.find(&name);
        let value = match value {
            None => Value::None,
            Some(text) => match text.strip_prefix('&') {
                Some(more) => self.appended(program, &symbol, more)?,
                None => self.assigned(program, &name, &symbol, text)?,
            },
        };
        self.state.symbols.set(&symbol, value)?;
        if program.numeric_texts {
            self.keep_as_number(&symbol)?;
        }
        self.state.keep_temporary(&symbol, false);
        Ok(symbol)
    }

    /// `&text`: the rewritten text is appended with quotation marks and all.
    fn appended(&mut self, program: &Program, symbol: &Symbol, more: &str) -> Result<Value, Fault> {
        let old = self.state.symbols.get(symbol).ok_or_else(|| unset(program, symbol))?;
        let more = self.reader(program).rewritten(more, true, true)?;
        apply(Arithmetic::Add, &old, &Value::text(&format!("\"{more}\"")), &self.state.symbols)
    }

    fn assigned(
        &mut self,
        program: &Program,
        name: &str,
        symbol: &Symbol,
        text: &str,
    ) -> Result<Value, Fault> {
        let refers = text.contains('#');
        let mut reader = self.reader(program);
        let text = reader.rewritten(text, true, true)?;
        let text = reader.fairmath(Some(name), &text)?;
        if text.is_empty() {
            return Ok(Value::text(""));
        }
        if let Some(truth) = boolean(&text) {
            return Ok(Value::Bool(truth));
        }
        if text.contains(CHOICE_TIME_STAMP) {
            return Ok(Value::Bool(false));
        }
        let operator = match text.as_bytes()[0] {
            b'+' => Some(Arithmetic::Add),
            b'-' => Some(Arithmetic::Subtract),
            b'*' => Some(Arithmetic::Multiply),
            b'/' => Some(Arithmetic::Divide),
            _ => None,
        };
        if let Some(operator) = operator {
            return self.incremented(program, name, symbol, operator, &text[1..]);
        }
        if text.contains('=') {
            return reader.value(&text);
        }
        check_name(name)?;
        let value = if text.contains(['"', '\'']) || refers {
            Value::text(&text.replace(['\\', '"'], ""))
        } else {
            reader.value(&text)?
        };
        check_reserved(name)?;
        Ok(value)
    }

    /// `+ x` and its like: the value of `x` is pasted behind the operator as text.
    fn incremented(
        &mut self,
        program: &Program,
        name: &str,
        symbol: &Symbol,
        operator: Arithmetic,
        by: &str,
    ) -> Result<Value, Fault> {
        let mut reader = self.reader(program);
        let by = reader.raw(by.trim().to_lowercase().as_str())?.printed();
        check_name(name)?;
        let by = reader.raw(by.trim())?;
        reader.raw(name)?;
        let old = self.state.symbols.get(symbol).ok_or_else(|| unset(program, symbol))?;
        let result = match apply(operator, &old, &by, &self.state.symbols) {
            Err(fault) if fault.kind == FaultKind::Type => {
                let Value::Text(_) = old else {
                    let message = format!(
                        "`{name}` is {} and cannot be changed by {}",
                        old.literal(),
                        by.literal()
                    );
                    return Err(Fault::new(FaultKind::Assertion, message).about(name));
                };
                let old = Value::Float(old.to_float()?);
                apply(operator, &old, &by, &self.state.symbols)?
            }
            result => result?,
        };
        check_reserved(name)?;
        Ok(result)
    }

    /// A text that looks like a number becomes one.
    fn keep_as_number(&mut self, symbol: &Symbol) -> Result<(), Fault> {
        let number = match self.state.symbols.own(symbol) {
            Some(Value::Text(text)) if looks_like_a_number(text) => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(number) => self.state.symbols.set(symbol, Value::Float(number)),
            None => Ok(()),
        }
    }
}

/// `true` or `false`, in any case and with or without quotation marks.
fn boolean(text: &str) -> Option<bool> {
    if text.len() > 20 {
        return None;
    }
    match text.to_lowercase().replace('"', "").as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// A number whose text reads back as the same number.
fn plain_number(value: Value) -> Option<Value> {
    match value {
        Value::Bool(_) | Value::Int(_) => Some(value),
        Value::Float(x) if x.is_finite() => Some(value),
        _ => None,
    }
}

fn unset(program: &Program, symbol: &Symbol) -> Fault {
    let name = program.names.name(symbol);
    Fault::new(FaultKind::Key, format!("there is no variable `{name}`")).about(name)
}

fn check_name(name: &str) -> Result<(), Fault> {
    if is_identifier(name) {
        return Ok(());
    }
    let message = format!("`{name}` cannot be the name of a variable");
    Err(Fault::new(FaultKind::Syntax, message).about(name))
}

fn check_reserved(name: &str) -> Result<(), Fault> {
    if !is_reserved(name) {
        return Ok(());
    }
    let message = format!("`{name}` is a word of the expression language");
    Err(Fault::new(FaultKind::Name, message).about(name))
}
