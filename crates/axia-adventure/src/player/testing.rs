//! What the tests of expressions need: single lines without a game around them.

use std::sync::Arc;

use super::handle::Player;
use crate::error::{Fault, PlayError};
use crate::expression::Value;

#[doc(hidden)]
impl Player {
    /// Plays from a line of the scene to the next choice or the end, and returns what was printed.
    pub fn play_from(&mut self, line: u32) -> Result<&str, PlayError> {
        self.state.line = line;
        self.state.done = false;
        self.run()?;
        Ok(&self.output)
    }

    /// Creates a variable with a value.
    pub fn create_variable(&mut self, name: &str, value: Value) -> Result<(), Fault> {
        let symbol = self.program.names.find(name);
        self.state.symbols.set(&symbol, value)?;
        self.state.symbols.mark_created(&symbol);
        Ok(())
    }

    /// Unlocks an achievement.
    pub fn unlock(&mut self, id: &str) {
        self.state.unlocked.push(id.into());
    }

    /// The value of a variable.
    pub fn variable(&self, name: &str) -> Option<Value> {
        self.state.symbols.get(&self.program.names.find(name))
    }

    /// The value of a condition, from its text.
    pub fn check_text(&mut self, text: &str, boolean: bool) -> Result<Value, Fault> {
        let program = Arc::clone(&self.program);
        self.reader(&program).check(text, boolean)
    }

    /// A text with its variables replaced.
    pub fn fill_text(&mut self, text: &str) -> Result<String, Fault> {
        let program = Arc::clone(&self.program);
        self.reader(&program).filled(text)
    }

    /// Carries out `*set variable value` from its text.
    pub fn set_text(&mut self, variable: &str, value: &str) -> Result<(), Fault> {
        let program = Arc::clone(&self.program);
        self.assign_text(&program, variable, Some(value)).map(drop)
    }
}
