//! Whole games, and random play's means.

use super::game_in_progress::Environment;
use crate::annotation::Number;
use crate::error::StepError;
use crate::game::Game;
use crate::metrics::{Coefficients, Counts, Logging, Row, rows};
use crate::random::PolicyRandom;
use serde::Serialize;
use std::sync::Arc;

/// A game played to its end, as far as metrics need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// The actions taken.
    pub actions: Vec<usize>,
    /// One row a state, the first and last included.
    pub states: Vec<Row>,
    /// Whether the game came to its end.
    pub done: bool,
    /// Points of all achievements of the game.
    pub max_points: i64,
}

impl Run {
    /// Counts under a logging convention. A run without rows has only a score of 0.
    pub fn counts(&self, logging: Logging) -> Counts {
        let rows = rows(&self.states, self.done, logging);
        let points = rows.last().map_or(0, |row| row.points);
        let score = match self.max_points {
            0 => Number::Int(0),
            most => Number::Float((100 * points) as f64 / most as f64),
        };
        Counts::new(score, rows.iter().map(|row| row.flags))
    }
}

/// Plays one game, for at most `max_steps` steps.
///
/// # Errors
/// If the game fails, or the policy chooses an option that there is not.
pub fn play_run(
    environment: &mut Environment,
    policy: &mut dyn Policy,
    seed: u64,
    max_steps: usize,
) -> Result<Run, StepError> {
    environment.reset(seed)?;
    policy.begin(seed);
    let max_points = environment.game().max_points;
    let states = vec![environment.row()];
    let mut run = Run { seed, actions: Vec::new(), states, done: environment.done(), max_points };
    while !run.done && run.actions.len() < max_steps {
        let Some(action) = policy.choose(environment)? else { break };
        run.done = environment.step(action)?.done;
        run.actions.push(action);
        run.states.push(environment.row());
    }
    Ok(run)
}

/// What random play does on a game.
#[derive(Debug, Clone, Serialize)]
pub struct Baseline {
    /// The first seed; each game has the next one.
    pub first_seed: u64,
    /// Games played.
    pub games: usize,
    /// How the rows were logged.
    pub logging: &'static str,
    /// Means over the games in which a metric counted, as the benchmark computes them.
    pub upstream: Coefficients,
    /// Means over all games. The default for comparisons.
    pub dense: Coefficients,
}

/// Plays `games` random games, with seeds from `first_seed` on.
///
/// # Errors
/// If a game fails.
pub fn baseline(
    game: &Arc<Game>,
    first_seed: u64,
    games: usize,
    max_steps: usize,
    logging: Logging,
) -> Result<Baseline, StepError> {
    let mut environment = Environment::new(game.clone())?;
    let mut policy = RandomPolicy::default();
    let counts = (first_seed..first_seed.saturating_add(games as u64))
        .map(|seed| {
            play_run(&mut environment, &mut policy, seed, max_steps).map(|run| run.counts(logging))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Baseline {
        first_seed,
        games,
        logging: logging.name(),
        upstream: Coefficients::upstream(&counts, &[]),
        dense: Coefficients::dense(&counts),
    })
}

/// Chooses actions.
pub trait Policy {
    /// Prepares for a game with a seed.
    fn begin(&mut self, seed: u64);

    /// The next action; `None` to stop here. The environment may be moved to look ahead, but must
    /// be left as it was.
    ///
    /// # Errors
    /// If looking ahead fails.
    fn choose(&mut self, environment: &mut Environment) -> Result<Option<usize>, StepError>;

    /// Its name in output; random play and replays are called as in the benchmark's reference data.
    fn name(&self) -> &str;
}

/// Chooses at random, draw for draw like the benchmark's random agent.
#[derive(Debug)]
pub struct RandomPolicy(PolicyRandom);

impl Default for RandomPolicy {
    fn default() -> Self {
        Self(PolicyRandom::new(0))
    }
}

impl Policy for RandomPolicy {
    fn begin(&mut self, seed: u64) {
        self.0 = PolicyRandom::new(seed);
    }

    fn choose(&mut self, environment: &mut Environment) -> Result<Option<usize>, StepError> {
        Ok(Some(self.0.choice(environment.choice_count())))
    }

    fn name(&self) -> &str {
        "RandomAgent"
    }
}

/// Repeats given actions.
#[derive(Debug, Clone)]
pub struct Replay {
    actions: Vec<usize>,
    next: usize,
}

impl Replay {
    /// A policy that takes these actions and stops.
    pub fn new(actions: Vec<usize>) -> Self {
        Self { actions, next: 0 }
    }
}

impl Policy for Replay {
    fn begin(&mut self, _seed: u64) {
        self.next = 0;
    }

    fn choose(&mut self, _environment: &mut Environment) -> Result<Option<usize>, StepError> {
        let action = self.actions.get(self.next).copied();
        self.next += 1;
        Ok(action)
    }

    fn name(&self) -> &str {
        "Scripted"
    }
}
