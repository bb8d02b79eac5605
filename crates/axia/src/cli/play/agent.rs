//! Who plays, and by which conventions of the benchmark's programs.

use super::PlayArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::session::Session;
use crate::games::LoadedGame;
use crate::text::plain;
use anyhow::anyhow;
use axia_adventure::agents::{Aim, Oracle};
use axia_adventure::environment::{Environment, Policy, RandomPolicy, Replay, baseline};
use axia_adventure::error::StepError;
use axia_adventure::metrics::{Coefficients, Logging};
use clap::ValueEnum;
use std::ops::RangeInclusive;

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

/// The random games that counts are compared with.
pub const RANDOM_SEED: u64 = 2417;
pub const RANDOM_GAMES: usize = 200;
const RANDOM_STEPS: usize = 1000;

/// Whose conventions hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Compat {
    /// The benchmark's harness: seeds from 2417, every state logged (run_trajectories)
    Harness,
    /// Its environment's own log: seeds from 0, the state before each step (env_trajectory)
    Env,
}

impl Compat {
    /// What is logged.
    pub const fn logging(self) -> Logging {
        match self {
            Self::Harness => Logging::Fresh,
            Self::Env => Logging::Stale,
        }
    }

    const fn first_seed(self) -> u64 {
        match self {
            Self::Harness => 2417,
            Self::Env => 0,
        }
    }
}

/// The seeds of the games to play.
pub fn seeds(args: &PlayArgs) -> Outcome<RangeInclusive<u64>> {
    let first = first_seed(args);
    let last = first.checked_add(args.episodes.unwrap_or(1).saturating_sub(1));
    match last {
        // The benchmark's generators take no larger seeds.
        Some(last) if last <= u64::from(u32::MAX) => Ok(first..=last),
        _ => Err(Failure::input(anyhow!(
            "seeds go up to {}: choose a smaller --seed or fewer --episodes",
            u32::MAX
        ))),
    }
}

/// The first seed.
pub fn first_seed(args: &PlayArgs) -> u64 {
    args.seed.unwrap_or(args.compat.first_seed())
}

/// What counts of a game are compared with.
pub struct Comparison {
    /// As the benchmark computes it: published with the game, or computed in its way.
    pub upstream: Coefficients,
    /// Where no count is zero.
    pub dense: Coefficients,
}

impl Comparison {
    /// Plays the random games. `None` if one of them fails, which is said on standard error: the
    /// agent's own games may be sound.
    pub fn new(loaded: &LoadedGame) -> Option<Self> {
        let game = &loaded.game;
        let random = baseline(game, RANDOM_SEED, RANDOM_GAMES, RANDOM_STEPS, Logging::default());
        match random {
            Ok(random) => {
                let upstream = game.coefficients.clone().unwrap_or(random.upstream);
                Some(Self { upstream, dense: random.dense })
            }
            Err(error) => {
                let (name, error) = (plain(&game.name), plain(&error.to_string()));
                eprintln!("`{name}` cannot be compared with random play, which fails: {error}");
                None
            }
        }
    }

    /// The coefficients of records: as the benchmark computes them, and dense.
    pub const fn coefficients(&self) -> (&Coefficients, &Coefficients) {
        (&self.upstream, &self.dense)
    }
}
