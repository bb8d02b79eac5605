//! Who plays.

use super::game_in_progress::Environment;
use crate::error::StepError;
use crate::random::PolicyRandom;

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
