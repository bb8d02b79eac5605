//! Comparing players.

use super::episode::Replayed;
use super::landmarks::landmarks;
use super::playing::Playing;
use super::prompt::without_options;
use super::statistics::{Estimates, Numbers, agreement, differences};
use super::summary::{
    Agreement, AgreementPoint, Decisions, GameSummary, Measure, MeasureChange, MoveSummary,
    PlayRole, PlayShift, PlaySummary, PlayerSummary, RevealedChange, RevealedValue, SceneSummary,
    Transcript,
};
use super::turn::Turn;
use crate::study::summary::ShiftSummary;
use crate::study::{Steering, StudyError};
use axia_adventure::metrics::{Coefficients, METRICS};
use axia_values::instrument::Dimension;
use axia_values::shift::Comparison;
use axia_values::stats::{BootstrapOptions, mean};
use axia_values::target::Target;
use axia_values::taxonomy::{RefinedValue, Value};
use std::collections::HashMap;

/// A respondent that played.
pub struct Player {
    /// Its name.
    pub name: String,
    /// The name without the seed: that of the steering it belongs to.
    pub steering: String,
    /// Its part in the study.
    pub role: PlayRole,
    /// Its training seed.
    pub seed: u64,
    /// What it did.
    pub turns: Vec<Turn>,
}

/// What was steered, for one steered respondent, and what that changed in the survey.
pub struct PlayAim<'a> {
    /// Name of the respondent, without its seed.
    pub name: &'a str,
    /// In words.
    pub title: &'a str,
    /// The target.
    pub target: &'a Target,
    /// Its shift in the survey against the control.
    pub survey: Option<&'a Comparison>,
}

impl<'a> PlayAim<'a> {
    /// What `steering` aims at, with its shift of `shifts`.
    pub fn new(steering: &'a Steering, shifts: &'a [ShiftSummary]) -> Self {
        let shift = shifts.iter().find(|shift| shift.respondent == steering.name);
        Self {
            name: &steering.name,
            title: &steering.title,
            target: &steering.target,
            survey: shift.map(|shift| &shift.shift.against_control),
        }
    }
}

/// A player's games as numbers.
struct Counted<'a> {
    player: &'a Player,
    numbers: Numbers,
}

impl Playing {
    /// Compares the players.
    ///
    /// # Errors
    /// [`StudyError::Game`] where a game fails, or a record does not fit it.
    pub fn summarise(
        &self,
        players: &[Player],
        aims: &[PlayAim],
        options: BootstrapOptions,
    ) -> Result<PlaySummary, StudyError> {
        let means = self.random_means()?;
        let mut transcripts = Transcripts::default();
        let mut summaries = Vec::new();
        let mut counted = Vec::new();
        for player in players {
            let games = self.replayed(&player.turns)?;
            let numbers =
                self.add(&player.name, player.role, &games, &means, options, &mut summaries);
            counted.push(Counted { player, numbers });
            for game in games.iter().filter(|g| g.episode.seed == self.settings.first_seed) {
                transcripts.add(&player.name, &self.games[game.episode.game].game.name, game);
            }
        }
        for (name, mut policy) in landmarks() {
            let turns = self.turns_of(policy.as_mut())?;
            let games = self.replayed(&turns)?;
            self.add(name, PlayRole::Landmark, &games, &means, options, &mut summaries);
        }
        let shifts = aims.iter().filter_map(|aim| shift(aim, &counted, options)).collect();
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
        role: PlayRole,
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
fn shift(aim: &PlayAim, players: &[Counted], options: BootstrapOptions) -> Option<PlayShift> {
    let steered = players
        .iter()
        .filter(|c| c.player.role == PlayRole::Steered && c.player.steering == aim.name);
    let control = |seed: u64| {
        players.iter().find(|c| c.player.role == PlayRole::Control && c.player.seed == seed)
    };
    let pairs: Vec<(&Numbers, &Numbers)> = steered
        .filter_map(|steered| Some((&control(steered.player.seed)?.numbers, &steered.numbers)))
        .collect();
    if pairs.is_empty() {
        return None;
    }
    let changes = differences(&pairs, options);
    let goals = aim.target.goals().filter_map(|(dimension, _)| dimension.value());
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
        respondent: aim.name.to_owned(),
        title: aim.title.to_owned(),
        targets,
        measures: measures.collect(),
        agreement: aim.survey.and_then(|survey| agree(survey, &changes, options)),
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
