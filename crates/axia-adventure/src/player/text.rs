//! Printing texts.

use crate::error::{Fault, FaultKind};
use crate::expression::Value;
use crate::program::{Condition, Part, Program, Template};

use super::handle::Player;
use super::reading::chosen;

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
