//! Comparing players.

use super::episode::Replayed;
use super::prompt::Turn;
use super::prompt::without_options;
use super::stage::PlaySettings;
use super::stage::Playing;
use super::statistics::{Estimates, Numbers, agreement, differences};
use super::summary::{
    Agreement, AgreementPoint, Decided, Decisions, GameSummary, Measure, MeasureChange,
    MoveSummary, PlayShift, PlaySummary, PlayerSummary, RevealedChange, RevealedValue,
    SceneSummary, Transcript,
};
use crate::run::{Member, Observation, Role, Steering, StudyError};
use crate::stage::Compared;
use axia_adventure::agents::{Aim, Oracle};
use axia_adventure::environment::{Environment, Policy, RandomPolicy, baseline, play_run};
use axia_adventure::error::StepError;
use axia_adventure::metrics::{Coefficients, Logging, METRICS};
use axia_values::instrument::Dimension;
use axia_values::shift::Comparison;
use axia_values::stats::{BootstrapOptions, mean};
use axia_values::taxonomy::{RefinedValue, Value};
use std::collections::HashMap;

/// A player's games as numbers.
struct Counted<'a> {
    member: &'a Member,
    numbers: Numbers,
}

impl Playing {
    /// Compares the players.
    ///
    /// # Errors
    /// [`StudyError::Game`] where a game fails, or a record does not fit it.
    pub(super) fn compare(
        &self,
        players: &[Observation<Vec<Turn>>],
        study: &Compared,
    ) -> Result<PlaySummary, StudyError> {
        let options = study.options;
        let means = self.random_means()?;
        let mut transcripts = Transcripts::default();
        let mut summaries = Vec::new();
        let mut counted = Vec::new();
        for Observation { member, answers } in players {
            let games = self.replayed(answers)?;
            let numbers =
                self.add(&member.name, member.role, &games, &means, options, &mut summaries);
            counted.push(Counted { member, numbers });
            for game in games.iter().filter(|g| g.episode.seed == self.settings.first_seed) {
                transcripts.add(&member.name, &self.games[game.episode.game].game.name, game);
            }
        }
        for (name, mut policy) in landmarks() {
            let turns = self.turns_of(policy.as_mut())?;
            let games = self.replayed(&turns)?;
            self.add(name, Role::Landmark, &games, &means, options, &mut summaries);
        }
        let shifts = study.steerings.iter().filter_map(|one| shift(one, study, &counted)).collect();
        let Transcripts { scenes, transcripts, .. } = transcripts;
        Ok(PlaySummary {
            games: self.games.iter().map(|played| self.describe(played)).collect(),
            settings: self.settings.describe(),
            players: summaries,
            shifts,
            scenes,
            transcripts,
        })
    }

    fn describe(&self, played: &super::PlayedGame) -> GameSummary {
        let game = &played.game;
        GameSummary {
            name: game.name.clone(),
            title: game.manifest.title.clone(),
            hash: played.hash.clone(),
            max_points: game.max_points,
            achievements: game.achievements.len(),
            seeds: self.settings.seeds().collect(),
            random_games: self.settings.random_games,
        }
    }

    /// Summarises one player's games.
    fn add(
        &self,
        name: &str,
        role: Role,
        games: &[Replayed],
        means: &[Coefficients],
        options: BootstrapOptions,
        summaries: &mut Vec<PlayerSummary>,
    ) -> Numbers {
        let episodes: Vec<_> = games.iter().map(|game| game.episode.clone()).collect();
        let numbers = Numbers::new(&episodes, means);
        let estimates = numbers.estimates(options);
        let count_of = |measure: usize| {
            let counts = episodes.iter().map(|e| match e.counts.get(measure) {
                Some(count) if measure < METRICS.len() => *count,
                _ => e.achievements as f64,
            });
            mean(counts).unwrap_or_default()
        };
        let scores = estimates.measures().enumerate().map(|(index, (metric, score))| Measure {
            metric: metric.to_owned(),
            count: count_of(index),
            score,
        });
        let at_stake = |value: RefinedValue| {
            episodes.iter().filter_map(|e| e.revealed.get(&value)).map(|(_, n)| n).sum::<usize>()
        };
        let revealed = estimates.revealed().filter(|(value, _)| at_stake(*value) > 0);
        let revealed = revealed.map(|(value, score)| RevealedValue {
            value,
            score,
            decisions: at_stake(value),
        });
        let mut decisions = Decisions::default();
        for found in episodes.iter().map(|episode| episode.decisions) {
            decisions.all += found.all;
            decisions.invalid += found.invalid;
            decisions.loop_breaks += found.loop_breaks;
            decisions.unfinished += found.unfinished;
        }
        summaries.push(PlayerSummary {
            name: name.to_owned(),
            role,
            episodes: episodes.len(),
            measures: scores.collect(),
            revealed: revealed.collect(),
            decisions,
        });
        numbers
    }
}

/// The shift of one steered respondent against the controls of its seeds.
fn shift(steering: &Steering, study: &Compared, players: &[Counted]) -> Option<PlayShift> {
    let options = study.options;
    let steered = players
        .iter()
        .filter(|c| c.member.role == Role::Steered && c.member.steering == steering.name);
    let control = |seed: u64| {
        players.iter().find(|c| c.member.role == Role::Control && c.member.seed == seed)
    };
    let survey = study.survey.iter().find(|(name, _)| *name == steering.name);
    let pairs: Vec<(&Numbers, &Numbers)> = steered
        .filter_map(|steered| Some((&control(steered.member.seed)?.numbers, &steered.numbers)))
        .collect();
    if pairs.is_empty() {
        return None;
    }
    let changes = differences(&pairs, options);
    let goals = steering.target.goals().filter_map(|(dimension, _)| dimension.value());
    let mut targets: Vec<RefinedValue> = goals.flat_map(Value::refined).collect();
    targets.sort_unstable();
    targets.dedup();
    let measures = changes
        .measures()
        .map(|(metric, change)| MeasureChange { metric: metric.to_owned(), change });
    let revealed: Vec<RevealedChange> = changes
        .revealed()
        .filter(|(_, change)| change.is_some())
        .map(|(value, change)| RevealedChange { value, change })
        .collect();
    Some(PlayShift {
        respondent: steering.name.clone(),
        title: steering.title.clone(),
        targets,
        measures: measures.collect(),
        agreement: survey.and_then(|(_, survey)| agree(survey, &changes, options)),
        revealed,
    })
}

/// Shifts in the survey beside shifts in play.
fn agree(survey: &Comparison, play: &Estimates, options: BootstrapOptions) -> Option<Agreement> {
    let surveyed = |value: RefinedValue| {
        let wanted = Dimension::from(Value::Refined(value));
        survey.values.iter().find(|shift| shift.dimension == wanted).map(|s| s.shift.value)
    };
    let points: Vec<AgreementPoint> = play
        .revealed()
        .filter_map(|(value, change)| {
            Some(AgreementPoint { value, survey: surveyed(value)?, play: change?.value })
        })
        .collect();
    let pairs: Vec<(f64, f64)> = points.iter().map(|point| (point.survey, point.play)).collect();
    Some(Agreement { correlation: agreement(&pairs, options)?, points })
}

/// Transcripts over one table of scenes.
#[derive(Default)]
struct Transcripts {
    scenes: Vec<SceneSummary>,
    known: HashMap<(String, Vec<String>), usize>,
    transcripts: Vec<Transcript>,
}

impl Transcripts {
    fn add(&mut self, respondent: &str, game: &str, replayed: &Replayed) {
        let moves = replayed.acts.iter().map(|act| MoveSummary {
            scene: self.scene(&act.turn.observation, &act.options),
            chosen: act.turn.action,
            decided: act.turn.decided,
            probabilities: act.turn.probabilities.clone(),
            counted: act.counted.clone(),
            reward: act.reward,
        });
        let moves = moves.collect();
        let last_scene = self.scene(&replayed.last, &replayed.last_options);
        self.transcripts.push(Transcript {
            respondent: respondent.to_owned(),
            game: game.to_owned(),
            seed: replayed.episode.seed,
            moves,
            last_scene,
            points: replayed.points,
            achievements: replayed.titles.clone(),
        });
    }

    /// The scene's place in the table.
    fn scene(&mut self, observation: &str, options: &[String]) -> usize {
        let text = without_options(observation, options).to_owned();
        let scenes = &mut self.scenes;
        *self.known.entry((text.clone(), options.to_vec())).or_insert_with(|| {
            scenes.push(SceneSummary { text, options: options.to_vec() });
            scenes.len() - 1
        })
    }
}

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
