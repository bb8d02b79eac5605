//! Everything that changes while a game is played.

use std::sync::Arc;

use crate::expression::{Symbol, Symbols, Value};
use crate::program::{Achievement, Parameter, Program};
use crate::random::GameRandom;

/// The state of a game. A copy goes on exactly like the original.
#[derive(Debug, Clone)]
pub struct State {
    pub(super) scene: u32,
    pub(super) line: u32,
    pub(super) symbols: Symbols,
    /// Values of each scene's temporary variables.
    pub(super) temporaries: Vec<Vec<(Symbol, Value)>>,
    pub(super) calls: Vec<(u32, u32)>,
    /// Parameters of the last jump to a label; `None` before the first.
    pub(super) parameters: Option<Arc<[Parameter]>>,
    pub(super) hide_reuse: bool,
    pub(super) used: Vec<Use>,
    pub(super) achievements: Vec<Arc<Achievement>>,
    pub(super) unlocked: Vec<Arc<str>>,
    pub(super) offers: Vec<Offer>,
    pub(super) done: bool,
    pub(super) random: GameRandom,
    pub(super) history: Vec<u32>,
}

/// What is known of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It may be taken again and again.
    Free,
    /// It may be taken once more.
    Once,
    /// It was taken.
    Used,
}

/// An option that is offered.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) caption: Arc<str>,
    pub(super) line: u32,
    pub(super) slot: u32,
    pub(super) target: u32,
}

impl State {
    pub(super) fn new(program: &Program) -> Self {
        Self {
            scene: program.scene_id("startup").unwrap_or(0),
            line: 0,
            symbols: Symbols::new(program.names.clone(), program.limits),
            temporaries: vec![Vec::new(); program.scenes.len()],
            calls: Vec::new(),
            parameters: None,
            hide_reuse: false,
            used: vec![Use::Free; program.option_count],
            achievements: Vec::new(),
            unlocked: Vec::new(),
            offers: Vec::new(),
            done: false,
            random: GameRandom::new(0),
            history: Vec::new(),
        }
    }

    /// Back to the beginning, keeping memory.
    pub(super) fn reset(&mut self, program: &Program, random: GameRandom, first: Option<u32>) {
        self.scene = program.scene_id("startup").unwrap_or(0);
        self.line = 0;
        self.symbols.clear();
        self.temporaries.iter_mut().for_each(Vec::clear);
        self.calls.clear();
        self.parameters = None;
        self.hide_reuse = false;
        self.used.fill(Use::Free);
        self.achievements.clear();
        self.unlocked.clear();
        self.offers.clear();
        self.done = false;
        self.random = random;
        self.history.clear();
        self.history.extend(first);
    }

    /// Keeps the value of a temporary variable of this scene; with `new`, the variable becomes one.
    pub(super) fn keep_temporary(&mut self, symbol: &Symbol, new: bool) {
        let Some(kept) = self.temporaries.get_mut(self.scene as usize) else { return };
        let value = || self.symbols.get(symbol).unwrap_or(Value::None);
        match kept.iter_mut().find(|(known, _)| known == symbol) {
            Some((_, kept)) => *kept = value(),
            None if new => kept.push((symbol.clone(), value())),
            None => {}
        }
    }
}
