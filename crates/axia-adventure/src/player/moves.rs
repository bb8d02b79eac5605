//! Moves from line to line.

use std::sync::Arc;

use super::handle::{Draw, Player};
use super::reading::Reader;
use crate::error::{Fault, FaultKind, Place, PlayError};
use crate::expression::Value;
use crate::nodes::NodeList;
use crate::program::{Achievement, Branch, END_TEXT, Operand, Operation, Program, Target};

#[derive(PartialEq, Eq)]
enum Outcome {
    Moved,
    Offered,
    Ended,
}

impl Player {
    /// Moves from line to line up to the next choice or the end.
    pub(super) fn run(&mut self) -> Result<(), PlayError> {
        let program = Arc::clone(&self.program);
        self.output.clear();
        self.captions.clear();
        self.draws.clear();
        self.trace.clear();
        self.state.symbols.rest();
        let mut here = self.position();
        self.trace.push(here);
        for _ in 0..program.limits.moves_per_step {
            match self.step(&program).map_err(|fault| self.error(fault))? {
                Outcome::Moved => {}
                Outcome::Offered => return Ok(()),
                Outcome::Ended => {
                    self.state.done = true;
                    return Ok(());
                }
            }
            let now = self.position();
            if now != here {
                self.trace.push(now);
                here = now;
            }
        }
        let message = format!(
            "no choice came within {} lines: the game runs in a circle",
            program.limits.moves_per_step
        );
        Err(self.error(Fault::new(FaultKind::Limit, message)))
    }

    fn position(&self) -> NodeList {
        self.nodes.at(self.state.scene, self.state.line)
    }

    /// Notes where the game is in its history.
    pub(super) fn record(&mut self) {
        if !self.keeps_history {
            return;
        }
        for node in self.nodes.nodes(self.position()) {
            if self.state.history.last() != Some(node) {
                self.state.history.push(*node);
            }
        }
    }

    /// Ties a fault to the line where the game is.
    fn error(&self, fault: Fault) -> PlayError {
        let scene = self.program.scene(self.state.scene);
        let line = scene.and_then(|scene| scene.lines.get(self.state.line as usize));
        let place = Place {
            scene: scene.map_or_else(String::new, |scene| scene.name.to_string()),
            row: line.map_or(0, |line| line.row),
            column: line.map_or(0, |line| crate::source::column(line, &fault)),
            index: self.state.line as usize,
            text: line.map_or_else(String::new, |line| line.text.to_string()),
        };
        PlayError { place, fault }
    }

    pub(super) fn reader<'a>(&'a mut self, program: &'a Program) -> Reader<'a> {
        Reader {
            program,
            symbols: &self.state.symbols,
            unlocked: &self.state.unlocked,
            cache: &mut self.cache,
            depth: 0,
        }
    }

    /// Goes to the line behind this one.
    pub(super) fn advance(&mut self, program: &Program) -> Result<(), Fault> {
        let next = program
            .scene(self.state.scene)
            .and_then(|scene| scene.next.get(self.state.line as usize))
            .copied()
            .unwrap_or(Err(FaultKind::Index));
        self.state.line = next.map_err(|kind| {
            Fault::new(kind, "no line follows where play would go on: check the indentation")
        })?;
        self.record();
        Ok(())
    }

    fn step(&mut self, program: &Program) -> Result<Outcome, Fault> {
        self.record();
        if let Some(scene) = self.coverage.get_mut(self.state.scene as usize)
            && let Some(reached) = scene.get_mut(self.state.line as usize)
        {
            *reached = true;
        }
        let operation = program
            .scene(self.state.scene)
            .and_then(|scene| scene.operations.get(self.state.line as usize))
            .ok_or_else(|| Fault::new(FaultKind::Index, "the scene has no such line"))?;
        match operation {
            Operation::Print(template, ends) => {
                self.advance(program)?;
                self.print(program, template)?;
                return Ok(if *ends { Outcome::Ended } else { Outcome::Moved });
            }
            Operation::Choose(choice) => {
                self.offer(program, choice)?;
                return Ok(Outcome::Offered);
            }
            Operation::End => {
                self.output.push_str(END_TEXT);
                self.output.push('\n');
                return Ok(Outcome::Ended);
            }
            Operation::Branch(branch) => return self.branch(program, branch),
            Operation::Declare(achievement, end) => {
                self.declare(achievement);
                self.state.line = *end;
                self.record();
                return Ok(Outcome::Moved);
            }
            Operation::Finish(scene) => {
                self.start_scene(program, *scene)?;
                return Ok(Outcome::Moved);
            }
            Operation::Jump(jump) => {
                self.jump(program, jump)?;
                return Ok(Outcome::Moved);
            }
            Operation::JumpReference(text) => {
                self.jump_reference(program, text)?;
                return Ok(Outcome::Moved);
            }
            Operation::RandomScene(scenes) => {
                self.random_scene(program, scenes)?;
                return Ok(Outcome::Moved);
            }
            Operation::Return => {
                let (scene, line) = self.state.calls.pop().ok_or_else(|| {
                    Fault::new(FaultKind::Index, "`*return` without a call to return from")
                })?;
                (self.state.scene, self.state.line) = (scene, line);
                self.record();
            }
            Operation::Skip(last) => {
                self.state.line = *last;
                self.record();
            }
            Operation::Refuse(message, fault) => {
                self.output.push_str(message);
                self.output.push('\n');
                return Err(fault.clone());
            }
            Operation::Fail(fault) => return Err(fault.clone()),
            other => self.change(program, other)?,
        }
        self.advance(program)?;
        Ok(Outcome::Moved)
    }

    /// Operations that change variables and go on with the next line.
    fn change(&mut self, program: &Program, operation: &Operation) -> Result<(), Fault> {
        match operation {
            Operation::Set(assignment) => drop(self.assign(program, assignment)?),
            Operation::Create(assignment) => {
                let symbol = self.assign(program, assignment)?;
                self.state.symbols.mark_created(&symbol);
            }
            Operation::Temporary(assignment) => {
                let symbol = self.assign(program, assignment)?;
                self.state.symbols.mark_created(&symbol);
                self.state.keep_temporary(&symbol, true);
            }
            Operation::SetReference { reference, value } => {
                let name = self.reader(program).rewritten(reference, true, true)?;
                let mut name = name.replace('"', "").to_lowercase();
                if !reference.contains(['"', '\'']) {
                    name = self.named(program, &name)?.to_string();
                }
                self.assign_text(program, &name, Some(value))?;
            }
            Operation::Random { target, bounds } => self.draw(program, target, bounds)?,
            Operation::Parameters(names) => {
                let values = self.state.parameters.clone().ok_or_else(|| {
                    Fault::new(FaultKind::Attribute, "no jump has given parameters yet")
                })?;
                for (target, value) in names.iter().zip(values.iter()) {
                    self.assign_to(program, target, &value.change, Some(&value.text))?;
                }
            }
            Operation::Achieve(id) => self.note_unlocked(program, id)?,
            Operation::Reuse { hide } => self.state.hide_reuse = *hide,
            _ => {}
        }
        Ok(())
    }

    fn note_unlocked(&mut self, program: &Program, id: &Arc<str>) -> Result<(), Fault> {
        if self.state.unlocked.contains(id) {
            return Ok(());
        }
        if self.state.unlocked.len() >= program.limits.variables {
            return Err(Fault::new(FaultKind::Limit, "too many achievements are unlocked"));
        }
        self.state.unlocked.push(id.clone());
        Ok(())
    }

    fn branch(&mut self, program: &Program, branch: &Branch) -> Result<Outcome, Fault> {
        for (condition, body) in &branch.clauses {
            if self.holds(program, condition)? {
                self.state.line = *body;
                self.record();
                return Ok(Outcome::Moved);
            }
        }
        self.state.line = branch.last;
        self.record();
        self.advance(program)?;
        Ok(Outcome::Moved)
    }

    fn declare(&mut self, achievement: &Arc<Achievement>) {
        let known = self.state.achievements.iter_mut().find(|known| known.id == achievement.id);
        match known {
            Some(known) => *known = achievement.clone(),
            None => self.state.achievements.push(achievement.clone()),
        }
    }

    fn draw(
        &mut self,
        program: &Program,
        target: &Target,
        bounds: &[Operand; 2],
    ) -> Result<(), Fault> {
        let mut bound = |operand: &Operand| {
            let mut reader = self.reader(program);
            let value = match &operand.parsed {
                Some(parsed) => reader.repaired(parsed)?,
                None => reader.value(&operand.text)?,
            };
            value.to_index().map_err(|fault| fault.about(&operand.text))
        };
        let [low, high] = bounds;
        let (low, high) = (bound(low)?, bound(high)?);
        // Bounds are 64-bit numbers, so that their distance fits 128 bits.
        let count = u64::try_from(i128::from(high) - i128::from(low) + 1).unwrap_or(0);
        if count == 0 {
            let message = format!("there is no whole number from {low} to {high}");
            return Err(Fault::new(FaultKind::Value, message));
        }
        let value = low.wrapping_add(self.state.random.below(count) as i64);
        if self.keeps_draws {
            self.draws.push(Draw::Number { low, high, value });
        }
        match target {
            // A negative number is assigned like any text that begins with `-`: it is subtracted.
            Target::Known(symbol, _) if value >= 0 && !program.numeric_texts => {
                self.state.symbols.set(symbol, Value::Int(value))?;
                self.state.keep_temporary(symbol, false);
            }
            target => drop(self.assign_text(program, target.text(), Some(&value.to_string()))?),
        }
        Ok(())
    }
}
