//! One game in progress.

use std::sync::Arc;

use crate::annotation::{Annotation, Number, Table, VariableSums};
use crate::error::{PlayError, StepError};
use crate::expression::{Scalar, Value};
use crate::game::{Game, ValueWeights};
use crate::metrics::{Flags, Row};
use crate::nodes::NodeList;
use crate::player::{Player, State};

/// A game in progress. Many share one [`Game`]; each holds only what changes.
///
/// Nothing but the state is worked out in a step. What a step meant — annotations, flags, variables
/// — is computed when it is asked for.
#[derive(Debug)]
pub struct Environment {
    game: Arc<Game>,
    player: Player,
    points: i64,
    /// Achievements unlocked before this step.
    unlocked_before: usize,
    steps: usize,
    failed: bool,
}

/// What a step brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepResult {
    /// Points of the achievements unlocked in it.
    pub reward: i64,
    /// Whether the game is over.
    pub done: bool,
}

/// A saved state of an environment. It goes on exactly like the original, random draws included.
#[derive(Debug, Clone)]
pub struct Saved {
    state: State,
    points: i64,
    unlocked_before: usize,
    steps: usize,
    observation: String,
    trace: Vec<NodeList>,
}

impl Environment {
    /// An environment of a game, reset with seed 0.
    ///
    /// # Errors
    /// If the game fails before its first choice.
    pub fn new(game: Arc<Game>) -> Result<Self, PlayError> {
        let player = Player::new(game.program.clone(), game.nodes.clone());
        let mut environment =
            Self { game, player, points: 0, unlocked_before: 0, steps: 0, failed: false };
        environment.reset(0)?;
        Ok(environment)
    }

    /// Keeps random draws and the history of nodes from the next reset on, for records.
    pub fn keep_records(&mut self) {
        self.player.keep_records();
    }

    /// Keeps which lines are reached.
    pub(crate) fn keep_coverage(&mut self) {
        self.player.keep_coverage();
    }

    /// Begins the game anew.
    ///
    /// # Errors
    /// If the game fails before its first choice.
    pub fn reset(&mut self, seed: u64) -> Result<(), PlayError> {
        (self.points, self.unlocked_before, self.steps) = (0, 0, 0);
        self.failed = true;
        self.player.reset(seed)?;
        self.failed = false;
        self.points = self.points_from(0);
        Ok(())
    }

    /// Takes an option.
    ///
    /// # Errors
    /// If there is no such option, the game is over, or it fails; after a failure it must be reset.
    pub fn step(&mut self, action: usize) -> Result<StepResult, StepError> {
        if self.failed {
            return Err(StepError::Ended);
        }
        let before = self.player.unlocked().len();
        let result = self.player.act(action);
        if let Err(error) = result {
            self.failed = matches!(error, StepError::Play(_));
            return Err(error);
        }
        self.unlocked_before = before;
        let reward = self.points_from(before);
        self.points += reward;
        self.steps += 1;
        Ok(StepResult { reward, done: self.player.done() })
    }

    fn points_from(&self, first: usize) -> i64 {
        let unlocked = self.player.unlocked().get(first..).unwrap_or_default();
        unlocked.iter().filter_map(|id| self.game.achievement(id)).map(|a| a.points).sum()
    }

    /// The game.
    pub fn game(&self) -> &Arc<Game> {
        &self.game
    }

    /// What the player reads: the text since the last choice, then the options, numbered from 0.
    pub fn observation(&self) -> &str {
        self.player.output()
    }

    /// How many options there are.
    pub fn choice_count(&self) -> usize {
        self.player.choice_count()
    }

    /// The options as the player reads them.
    pub fn choices(&self) -> impl Iterator<Item = &str> {
        self.player.printed_captions()
    }

    /// The options as they are written, variables unfilled.
    pub fn raw_choices(&self) -> impl Iterator<Item = &str> {
        self.player.captions()
    }

    /// Whether the game is over.
    pub fn done(&self) -> bool {
        self.player.done()
    }

    /// Points so far.
    pub fn points(&self) -> i64 {
        self.points
    }

    /// Steps so far.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The achievements unlocked so far, in the game's order.
    pub fn unlocked(&self) -> impl Iterator<Item = &Arc<str>> {
        let unlocked = self.player.unlocked();
        self.game.achievements.iter().map(|a| &a.id).filter(|id| unlocked.contains(id))
    }

    /// The achievements still locked, in the game's order.
    pub fn remaining(&self) -> impl Iterator<Item = &Arc<str>> {
        let unlocked = self.player.unlocked();
        self.game.achievements.iter().map(|a| &a.id).filter(|id| !unlocked.contains(id))
    }

    /// The achievements unlocked in this step, in that order.
    pub fn new_achievements(&self) -> impl Iterator<Item = &Arc<str>> {
        let new = self.player.unlocked().get(self.unlocked_before..).unwrap_or_default();
        new.iter().filter(|id| self.steps > 0 && self.game.achievement(id).is_some())
    }

    /// The nodes or marks passed in this step, in order and with repeats.
    pub fn nodes(&self) -> impl Iterator<Item = u32> {
        let index = self.player.nodes();
        self.player.trace().iter().flat_map(|list| index.nodes(*list).iter().copied())
    }

    /// The names of the nodes or marks passed in this step.
    pub fn node_names(&self) -> impl Iterator<Item = &str> {
        self.nodes().map(|node| self.player.nodes().name(node))
    }

    /// The sum of the annotations of this step's nodes; `None` if none is annotated.
    pub fn annotation(&self) -> Option<Annotation> {
        let mut annotations = self.nodes().filter_map(|node| self.game.annotation(node));
        let mut sum = annotations.next()?.clone();
        for annotation in annotations {
            sum += annotation;
        }
        Some(sum)
    }

    /// What counts of this step; `None` if nothing is annotated.
    pub fn flags(&self) -> Option<Flags> {
        self.annotation().map(|annotation| Flags::new(&annotation, &self.game.thresholds))
    }

    /// The values that taking each option would express, for games of one's own. An option without
    /// value weights has none.
    pub fn option_values(&self) -> impl Iterator<Item = Option<&ValueWeights>> {
        let index = self.player.nodes();
        self.player.option_targets().map(move |(scene, line)| {
            let node = index.nodes(index.at(scene, line)).first()?;
            self.game.value_weights(*node)
        })
    }

    /// The marks that begin the options' bodies, for games of one's own.
    pub fn option_marks(&self) -> impl Iterator<Item = Option<&str>> {
        let index = self.player.nodes();
        self.player.option_targets().map(move |(scene, line)| {
            index.nodes(index.at(scene, line)).first().map(|n| index.name(*n))
        })
    }

    /// The game's variables by name; one that is not a number is 0.
    pub fn stats(&self) -> Table<Number> {
        let number = |value: Option<&Value>| match value {
            Some(Value::Bool(b) | Value::Scalar(Scalar::Bool(b))) => Number::Bool(*b),
            Some(Value::Int(i)) => Number::Int(*i),
            Some(Value::Big(big)) => Number::Big(big.clone()),
            Some(Value::Float(x) | Value::Scalar(Scalar::Float(x))) => Number::Float(*x),
            _ => Number::Int(0),
        };
        let variables = self.player.variables().into_iter();
        Table(variables.map(|(name, value)| (name.to_owned(), number(value))).collect())
    }

    /// Sums over the variables that stand for power, morality and so on.
    pub fn variable_sums(&self, stats: &Table<Number>) -> VariableSums {
        self.game.votes.sums(stats.0.iter().map(|(name, value)| (name.as_str(), value)))
    }

    /// What metrics need to know of this state.
    pub fn row(&self) -> Row {
        Row {
            points: self.points,
            flags: self.flags(),
            unlocked: self.unlocked().cloned().collect(),
        }
    }

    /// The player below.
    pub fn player(&self) -> &Player {
        &self.player
    }

    /// A copy of the state.
    pub fn save(&self) -> Saved {
        Saved {
            state: self.player.save(),
            points: self.points,
            unlocked_before: self.unlocked_before,
            steps: self.steps,
            observation: self.player.output().to_owned(),
            trace: self.player.trace().to_vec(),
        }
    }

    /// Goes back to a saved state of the same game.
    pub fn restore(&mut self, saved: &Saved) {
        self.player.restore(saved.state.clone(), &saved.observation, &saved.trace);
        self.points = saved.points;
        self.unlocked_before = saved.unlocked_before;
        self.steps = saved.steps;
        self.failed = false;
    }
}
