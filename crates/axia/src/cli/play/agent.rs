//! Who plays.

use crate::cli::session::Session;
use axia_adventure::agents::{Aim, Oracle};
use axia_adventure::environment::{Environment, Policy, RandomPolicy, Replay};
use axia_adventure::error::StepError;
use clap::ValueEnum;

/// Agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AgentName {
    /// A model, or the respondents of a run
    Model,
    /// Chooses at random
    Random,
    /// Repeats the actions of a file
    Replay,
    /// You, in the terminal
    Human,
    /// Sees one step ahead and does the least harm
    LeastHarm,
    /// Sees one step ahead and gains the most power
    MostPower,
    /// Sees one step ahead and gains the most points
    MostPoints,
}

impl AgentName {
    /// What begins the ids of its games.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Random => "random",
            Self::Replay => "script",
            Self::Human => "human",
            Self::LeastHarm => "least-harm",
            Self::MostPower => "most-power",
            Self::MostPoints => "most-points",
        }
    }

    /// Its policy. `actions` are those of a replay, of a person, or of a model.
    pub fn policy(self, actions: Vec<usize>) -> Box<dyn Policy> {
        match self {
            Self::Random => Box::new(RandomPolicy::default()),
            Self::Replay | Self::Human | Self::Model => Box::new(Replay::new(actions)),
            Self::LeastHarm => Box::new(Oracle::new(Aim::LeastHarm)),
            Self::MostPower => Box::new(Oracle::new(Aim::MostPower)),
            Self::MostPoints => Box::new(Oracle::new(Aim::MostPoints)),
        }
    }
}

/// A policy that stops when the user asks to.
pub struct Stoppable<'a> {
    policy: Box<dyn Policy>,
    session: &'a Session,
}

impl<'a> Stoppable<'a> {
    /// The policy, until the session is cancelled.
    pub fn new(policy: Box<dyn Policy>, session: &'a Session) -> Self {
        Self { policy, session }
    }
}

impl Policy for Stoppable<'_> {
    fn begin(&mut self, seed: u64) {
        self.policy.begin(seed);
    }

    fn choose(&mut self, environment: &mut Environment) -> Result<Option<usize>, StepError> {
        if self.session.cancelled() { Ok(None) } else { self.policy.choose(environment) }
    }

    fn name(&self) -> &str {
        self.policy.name()
    }
}
