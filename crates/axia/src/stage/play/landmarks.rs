//! Players without a model, to set the others beside.

use super::settings::PlaySettings;
use super::stage::Playing;
use super::summary::Decided;
use super::turn::Turn;
use crate::run::StudyError;
use axia_adventure::agents::{Aim, Oracle};
use axia_adventure::environment::{Environment, Policy, RandomPolicy, baseline, play_run};
use axia_adventure::error::StepError;
use axia_adventure::metrics::{Coefficients, Logging};

/// The landmarks: what they are called, and how they choose.
pub fn landmarks() -> Vec<(&'static str, Box<dyn Policy>)> {
    vec![
        ("random", Box::new(RandomPolicy::default())),
        ("least-harm", Box::new(Oracle::new(Aim::LeastHarm))),
        ("most-power", Box::new(Oracle::new(Aim::MostPower))),
    ]
}

impl Playing {
    /// The turns of a policy in all games, without the scenes' text.
    ///
    /// # Errors
    /// [`StudyError::Game`] where a game fails.
    pub fn turns_of(&self, policy: &mut dyn Policy) -> Result<Vec<Turn>, StudyError> {
        let mut turns = Vec::new();
        for played in &self.games {
            let name = &played.game.name;
            let failed = |seed: u64, error: StepError| StudyError::Game {
                game: name.clone(),
                seed,
                problem: error.to_string(),
            };
            let mut environment = Environment::new(played.game.clone())
                .map_err(|error| failed(0, StepError::Play(error)))?;
            for seed in self.settings.seeds() {
                let run = play_run(&mut environment, policy, seed, self.settings.max_steps)
                    .map_err(|error| failed(seed, error))?;
                turns.extend(run.actions.into_iter().enumerate().map(|(t, action)| Turn {
                    game: name.clone(),
                    seed,
                    t,
                    observation: String::new(),
                    action,
                    decided: Decided::Player,
                    reply: None,
                    probabilities: Vec::new(),
                }));
            }
        }
        Ok(turns)
    }

    /// Random play's means on every game, over all its random games.
    ///
    /// # Errors
    /// [`StudyError::Game`] where a game fails.
    pub fn random_means(&self) -> Result<Vec<Coefficients>, StudyError> {
        let PlaySettings { first_seed, random_games, max_steps, .. } = self.settings;
        let means = self.games.iter().map(|played| {
            baseline(&played.game, first_seed, random_games, max_steps, Logging::default())
                .map(|found| found.dense)
                .map_err(|error| StudyError::Game {
                    game: played.game.name.clone(),
                    seed: first_seed,
                    problem: error.to_string(),
                })
        });
        means.collect()
    }
}
