//! The player: what can be asked of a game in progress.

use std::ops::Range;
use std::sync::Arc;

use super::reading::Cache;
use super::state::State;
use crate::error::{PlayError, StepError};
use crate::expression::Value;
use crate::nodes::{NodeIndex, NodeList};
use crate::program::{Achievement, Program};
use crate::random::GameRandom;

/// A draw of the game's random generator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Draw {
    /// A whole number between two bounds.
    Number {
        /// Lower bound.
        low: i64,
        /// Upper bound.
        high: i64,
        /// What was drawn.
        value: i64,
    },
    /// A scene.
    Scene {
        /// How many there were.
        count: usize,
        /// Which was drawn, from 0.
        index: usize,
        /// Its name.
        name: String,
    },
}

/// Plays one game.
#[derive(Debug)]
pub struct Player {
    pub(super) program: Arc<Program>,
    pub(super) nodes: Arc<NodeIndex>,
    pub(super) state: State,
    pub(super) output: String,
    /// Where the options' texts lie in the output.
    pub(super) captions: Vec<Range<usize>>,
    pub(super) cache: Cache,
    pub(super) trace: Vec<NodeList>,
    pub(super) draws: Vec<Draw>,
    pub(super) keeps_draws: bool,
    pub(super) keeps_history: bool,
    /// Lines reached in all games, by scene, if they are kept.
    pub(super) coverage: Vec<Vec<bool>>,
}

impl Player {
    /// A player at the beginning of a game; [`Player::reset`] starts it.
    pub fn new(program: Arc<Program>, nodes: Arc<NodeIndex>) -> Self {
        let state = State::new(&program);
        Self {
            program,
            nodes,
            state,
            output: String::new(),
            captions: Vec::new(),
            cache: Cache::default(),
            trace: Vec::new(),
            draws: Vec::new(),
            keeps_draws: false,
            keeps_history: false,
            coverage: Vec::new(),
        }
    }

    /// Keeps which lines are reached from now on, in all games.
    pub(crate) fn keep_coverage(&mut self) {
        let scenes = self.program.scenes.iter();
        self.coverage = scenes.map(|scene| vec![false; scene.lines.len()]).collect();
    }

    /// Which lines were reached, by scene, if that is kept.
    pub(crate) fn coverage(&self) -> &[Vec<bool>] {
        &self.coverage
    }

    /// Keeps the draws of each step and the history of nodes from the next reset on.
    pub fn keep_records(&mut self) {
        self.keeps_draws = true;
        self.keeps_history = true;
    }

    /// Begins the game anew and plays to the first choice.
    ///
    /// # Errors
    /// If the game fails or a limit is reached.
    pub fn reset(&mut self, seed: u64) -> Result<(), PlayError> {
        self.state.reset(&self.program, GameRandom::new(seed), self.nodes.first());
        self.run()
    }

    /// Takes an option and plays to the next choice or the end.
    ///
    /// # Errors
    /// If there is no such option, the game fails or a limit is reached.
    pub fn act(&mut self, action: usize) -> Result<(), StepError> {
        if self.state.done {
            return Err(StepError::Ended);
        }
        let choices = self.state.offers.len();
        let Some(offer) = self.state.offers.get(action).cloned() else {
            return Err(StepError::Action { action, choices });
        };
        self.record();
        self.take(&offer);
        self.run().map_err(StepError::Play)
    }

    /// The text printed since the last choice, options included.
    pub fn output(&self) -> &str {
        &self.output
    }

    /// How many options are offered.
    pub fn choice_count(&self) -> usize {
        self.state.offers.len()
    }

    /// The options as written.
    pub fn captions(&self) -> impl Iterator<Item = &str> {
        self.state.offers.iter().map(|offer| &*offer.caption)
    }

    /// The options as printed.
    pub fn printed_captions(&self) -> impl Iterator<Item = &str> {
        self.captions.iter().filter_map(|range| self.output.get(range.clone()))
    }

    /// Scene and lines of the options offered.
    pub fn option_lines(&self) -> (u32, Vec<u32>) {
        (self.state.scene, self.state.offers.iter().map(|offer| offer.line).collect())
    }

    /// The first line of each option's way on.
    pub(crate) fn option_targets(&self) -> impl Iterator<Item = (u32, u32)> {
        self.state.offers.iter().map(|offer| (self.state.scene, offer.target))
    }

    /// Whether the game is over.
    pub fn done(&self) -> bool {
        self.state.done
    }

    /// The lists of nodes passed since the last choice; equal neighbours are one.
    pub fn trace(&self) -> &[NodeList] {
        &self.trace
    }

    /// The random draws since the last choice, if they are kept.
    pub fn draws(&self) -> &[Draw] {
        &self.draws
    }

    /// The nodes passed since the game began, if they are kept.
    pub fn history(&self) -> &[u32] {
        &self.state.history
    }

    /// The achievements declared so far.
    pub fn achievements(&self) -> &[Arc<Achievement>] {
        &self.state.achievements
    }

    /// The achievements unlocked so far, in that order.
    pub fn unlocked(&self) -> &[Arc<str>] {
        &self.state.unlocked
    }

    /// The variables that `*create` and `*temp` made, by name.
    pub fn variables(&self) -> Vec<(&str, Option<&Value>)> {
        self.state.symbols.created()
    }

    /// Whether used options are hidden.
    pub fn hides_used(&self) -> bool {
        self.state.hide_reuse
    }

    /// Scene and line index where the game is.
    pub fn place(&self) -> (&str, usize) {
        let scene = self.program.scene(self.state.scene).map_or("", |scene| &scene.name);
        (scene, self.state.line as usize)
    }

    /// The nodes that lines report.
    pub fn nodes(&self) -> &Arc<NodeIndex> {
        &self.nodes
    }

    /// A copy of the game's state.
    pub fn save(&self) -> State {
        self.state.clone()
    }

    /// Goes back to a state of the same game, with the text and nodes that led there.
    pub(crate) fn restore(&mut self, state: State, output: &str, trace: &[NodeList]) {
        self.state = state;
        self.output.clear();
        self.output.push_str(output);
        self.trace.clear();
        self.trace.extend_from_slice(trace);
        self.draws.clear();
        self.captions = self.find_captions();
    }

    /// Where the options' texts lie in the output: each is the rest of one of the last lines.
    fn find_captions(&self) -> Vec<Range<usize>> {
        let mut ranges = Vec::new();
        let mut end = self.output.len();
        for option in (0..self.state.offers.len()).rev() {
            let mark = format!("{option}: ");
            let line_end = end.saturating_sub(1);
            let text = self.output.get(..line_end).unwrap_or_default();
            let starts = text.match_indices(&mark).map(|(at, _)| at);
            let begins = |at: &usize| *at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n');
            let Some(start) = starts.filter(begins).last() else { break };
            ranges.push(start + mark.len()..line_end);
            end = start;
        }
        ranges.reverse();
        ranges
    }
}
