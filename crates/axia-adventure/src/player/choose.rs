//! Offering and taking options.

use crate::error::{Fault, FaultKind};
use crate::program::{Choice, Condition, Entry, OptionEntry, Program};

use super::handle::Player;
use super::reading::require_boolean;
use super::state::{Offer, Use};

impl Player {
    /// Works out which options are offered and prints them.
    pub(super) fn offer(&mut self, program: &Program, choice: &Choice) -> Result<(), Fault> {
        let mut offered = Vec::new();
        self.collect(program, &choice.entries, &mut offered)?;
        self.print_options(program, &offered)
    }

    fn collect<'a>(
        &mut self,
        program: &Program,
        entries: &'a [Entry],
        offered: &mut Vec<&'a OptionEntry>,
    ) -> Result<(), Fault> {
        for entry in entries {
            match entry {
                Entry::Option(option) => {
                    let free = self.note_option(option);
                    if self.holds(program, &option.condition)? && free {
                        offered.push(option);
                    }
                }
                Entry::Group(condition, entries) => {
                    if self.holds(program, condition)? {
                        self.collect(program, entries, offered)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Notes whether an option can be used but once, and says whether it still can be.
    fn note_option(&mut self, option: &OptionEntry) -> bool {
        let once = option.hidden_once_used || (self.state.hide_reuse && !option.stays);
        let Some(used) = self.state.used.get_mut(option.slot as usize) else { return true };
        if once && *used == Use::Free {
            *used = Use::Once;
        }
        *used != Use::Used
    }

    fn print_options(&mut self, program: &Program, offered: &[&OptionEntry]) -> Result<(), Fault> {
        if offered.is_empty() {
            let message = "no option is left: let one of them always be offered";
            return Err(Fault::new(FaultKind::Assertion, message));
        }
        self.state.offers.clear();
        for option in offered {
            let target = option
                .target
                .map_err(|kind| Fault::new(kind, "the scene breaks off behind the choice"))?;
            let caption = option.caption.clone();
            self.state.offers.push(Offer { caption, line: option.line, slot: option.slot, target });
        }
        self.captions.clear();
        for (i, option) in offered.iter().enumerate() {
            use std::fmt::Write;
            // Writing to a string does not fail.
            let _ = write!(self.output, "{i}: ");
            let start = self.output.len();
            self.print(program, &option.text).map_err(|fault| fault.about(&option.caption))?;
            self.captions.push(start..self.output.len() - 1);
        }
        Ok(())
    }

    /// Whether a condition holds.
    pub(super) fn holds(
        &mut self,
        program: &Program,
        condition: &Condition,
    ) -> Result<bool, Fault> {
        match condition {
            Condition::Always => Ok(true),
            Condition::Never => Ok(false),
            Condition::Parsed(expression) => {
                let value = self.reader(program).repaired(expression)?;
                require_boolean(&value, &expression.source)
            }
            Condition::Text(text) => {
                let value = self.reader(program).check(text, true).map_err(|f| f.about(text))?;
                Ok(value.truth())
            }
        }
    }

    /// Takes an option; the caller has checked that there is one of that number.
    pub(super) fn take(&mut self, offer: &Offer) {
        self.state.line = offer.target;
        self.record();
        if let Some(used) = self.state.used.get_mut(offer.slot as usize)
            && *used != Use::Free
        {
            *used = Use::Used;
        }
        self.state.offers.clear();
    }
}
