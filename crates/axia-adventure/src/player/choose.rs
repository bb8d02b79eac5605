//! Offering and taking options.

use super::handle::{Draw, Player};
use super::reading::require_boolean;
use super::state::{Offer, Use};
use crate::error::{Fault, FaultKind};
use crate::expression::Value;
use crate::program::{Choice, Condition, Entry, Jump, OptionEntry, Program, unknown_scene};
use std::sync::Arc;

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

impl Player {
    /// Enters a scene: used options are forgotten, its temporary variables have their values again.
    fn enter(&mut self, program: &Program, scene: u32) -> Result<(), Fault> {
        let state = &mut self.state;
        state.scene = scene;
        state.hide_reuse = false;
        let forgets = program.scene(scene).map_or(&[][..], |scene| &scene.forgets);
        for slot in forgets {
            if let Some(used) = state.used.get_mut(*slot as usize)
                && *used == super::state::Use::Used
            {
                *used = super::state::Use::Once;
            }
        }
        let kept = state.temporaries.get(scene as usize).map_or(&[][..], |kept| kept);
        for (symbol, value) in kept {
            state.symbols.set(symbol, value.clone())?;
        }
        Ok(())
    }

    /// Goes to the first line of a scene.
    pub(super) fn start_scene(&mut self, program: &Program, scene: u32) -> Result<(), Fault> {
        self.enter(program, scene)?;
        self.state.line = 0;
        self.record();
        Ok(())
    }

    /// Carries out a jump or call. A jump to a label goes on behind the label's line.
    pub(super) fn jump(&mut self, program: &Program, jump: &Jump) -> Result<(), Fault> {
        if jump.call {
            if self.state.calls.len() >= program.limits.calls {
                let message = format!("more than {} calls have not returned", program.limits.calls);
                return Err(Fault::new(FaultKind::Limit, message));
            }
            self.state.calls.push((self.state.scene, self.state.line));
        }
        if let Some(name) = &jump.scene {
            let scene = match jump.known {
                Some((scene, _)) => scene,
                None => {
                    let name = self.name(program, name)?;
                    program.scene_id(&name).ok_or_else(|| unknown_scene(&name))?
                }
            };
            if jump.label.is_none() {
                return self.start_scene(program, scene);
            }
            self.enter(program, scene)?;
        }
        if let Some(label) = &jump.label {
            self.state.line = match jump.known {
                Some((_, line)) => line,
                None => {
                    let name = self.name(program, label)?;
                    self.find_label(program, &name)?
                }
            };
        }
        self.state.parameters = Some(jump.parameters.clone());
        self.record();
        self.advance(program)
    }

    /// The name of a scene or label, in lower case.
    fn name(&mut self, program: &Program, text: &str) -> Result<String, Fault> {
        Ok(self.reader(program).rewritten(text, true, false)?.to_lowercase())
    }

    fn find_label(&self, program: &Program, label: &str) -> Result<u32, Fault> {
        let scene = program.scene(self.state.scene).map_or("", |scene| &scene.name);
        program.label(scene, label).ok_or_else(|| {
            let nearest = crate::error::nearest(label, program.labels_of(scene));
            let hint = nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            let message = format!("there is no label `{label}` in the scene `{scene}`{hint}");
            Fault::new(FaultKind::Key, message).about(label)
        })
    }

    /// Jumps to the label that a variable names, or to a quoted one.
    pub(super) fn jump_reference(&mut self, program: &Program, text: &str) -> Result<(), Fault> {
        let name = self.reader(program).rewritten(text, true, true)?.replace('"', "");
        let mut label = name.to_lowercase();
        if !text.contains(['"', '\'']) {
            label = self.named(program, &label)?.to_lowercase();
        }
        self.state.line = self.find_label(program, &label)?;
        self.record();
        self.advance(program)
    }

    /// The name that a variable holds.
    pub(super) fn named(&self, program: &Program, variable: &str) -> Result<Arc<str>, Fault> {
        match self.state.symbols.get(&program.names.find(variable)) {
            Some(Value::Text(name)) => Ok(name),
            Some(other) => Err(Fault::new(
                FaultKind::Attribute,
                format!("`{variable}` is {} and names nothing", other.literal()),
            )
            .about(variable)),
            None => Err(Fault::new(FaultKind::Key, format!("there is no variable `{variable}`"))
                .about(variable)),
        }
    }

    /// Goes to the second line of one of several scenes: the first is skipped.
    pub(super) fn random_scene(
        &mut self,
        program: &Program,
        scenes: &[Box<str>],
    ) -> Result<(), Fault> {
        if scenes.is_empty() {
            return Err(Fault::new(FaultKind::Index, "no scenes are listed below the command"));
        }
        let index = self.state.random.below(scenes.len() as u64) as usize;
        let name = scenes.get(index).map_or("", |name| name);
        if self.keeps_draws {
            self.draws.push(Draw::Scene { count: scenes.len(), index, name: name.into() });
        }
        let scene = program.scene_id(name).ok_or_else(|| unknown_scene(name))?;
        self.start_scene(program, scene)?;
        self.advance(program)
    }
}
