//! The stage that has games played.

use super::decide::{Decider, Waiting, goes_in_a_circle};
use super::episode::{Episode, Replayed, replay};
use super::prompt::Turn;
use super::summary::PlaySummary;
use crate::respondent::Respondent;
use crate::run::{Follow, Observation, Rows, RunDir, StudyError};
use crate::stage::{Compared, Stage};
use axia_adventure::environment::Environment;
use axia_adventure::error::StepError;
use axia_adventure::game::{Game, Origin};
use axia_adventure::metrics::{Logging, ZeroMean};
use axia_engine::generate::Sampling;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// Scenes decided together: enough to keep the engine busy, few enough for a killed run to lose
/// little.
const SCENES_AT_ONCE: usize = 64;

/// A game to be played.
#[derive(Debug, Clone)]
pub struct PlayedGame {
    /// The game.
    pub game: Arc<Game>,
    /// Hash of all its files.
    pub hash: String,
}

/// Games to be played, and how.
#[derive(Debug, Clone)]
pub struct Playing {
    /// The games.
    pub games: Vec<PlayedGame>,
    /// How they are played.
    pub settings: PlaySettings,
}

/// A game under way.
struct Seat {
    game: usize,
    seed: u64,
    environment: Environment,
    /// Scenes so far, by hash, where the game has no nodes that tell circles.
    scenes: Vec<u64>,
    over: bool,
}

impl Seat {
    /// As in the benchmark, by its nodes; a game of one's own has few marks, so that its scenes are
    /// compared.
    fn in_circle(&self) -> bool {
        match self.environment.game().origin {
            Origin::Benchmark => goes_in_a_circle(self.environment.player().history()),
            Origin::Folder => goes_in_a_circle(&self.scenes),
        }
    }

    fn note_scene(&mut self) {
        let mut hasher = DefaultHasher::new();
        self.environment.observation().hash(&mut hasher);
        self.scenes.push(hasher.finish());
    }
}

impl Stage for Playing {
    type Answers = Vec<Turn>;
    type Summary = PlaySummary;
    const FOLDER: &'static str = "play";
    const VERB: &'static str = "play";

    fn manifest(&self) -> Json {
        let games = self.games.iter().map(|g| (g.game.name.clone(), g.hash.clone()));
        json!({"games": games.collect::<BTreeMap<_, _>>(), "settings": self.settings})
    }

    fn ask(
        &self,
        dir: &RunDir,
        name: &str,
        respondent: &dyn Respondent,
        follow: &mut dyn Follow,
    ) -> Result<Vec<Turn>, StudyError> {
        let mut rows = dir.rows::<Turn>(&self.cell(name))?;
        if !rows.is_whole() {
            self.play(name, respondent, &mut rows, follow)?;
        }
        Ok(rows.into_rows())
    }

    fn summarise(
        &self,
        players: &[Observation<Vec<Turn>>],
        study: &Compared,
    ) -> Result<PlaySummary, StudyError> {
        self.compare(players, study)
    }
}

impl Playing {
    fn play(
        &self,
        name: &str,
        respondent: &dyn Respondent,
        rows: &mut Rows<Turn>,
        follow: &mut dyn Follow,
    ) -> Result<(), StudyError> {
        let mut seats = self.seats(rows.rows())?;
        let mut decider = Decider::new(respondent, self.settings);
        follow.begin(&format!("playing as {name}"), seats.len());
        loop {
            let over = seats.iter().filter(|seat| seat.over).count();
            let decided = rows.rows().len();
            follow.advance(over, &format!("{decided} decisions"));
            if over == seats.len() {
                break;
            }
            let mut open: Vec<&mut Seat> = seats.iter_mut().filter(|seat| !seat.over).collect();
            for part in open.chunks_mut(SCENES_AT_ONCE) {
                let waiting: Vec<Waiting> = part
                    .iter()
                    .map(|seat| Waiting {
                        environment: &seat.environment,
                        seed: seat.seed,
                        in_circle: seat.in_circle(),
                    })
                    .collect();
                let decisions = decider.decide(&waiting, &mut |_| !follow.cancelled())?;
                let turns = part.iter().zip(decisions).map(|(seat, decision)| Turn {
                    game: seat.environment.game().name.clone(),
                    seed: seat.seed,
                    t: seat.environment.steps(),
                    observation: seat.environment.observation().to_owned(),
                    action: decision.action,
                    decided: decision.decided,
                    reply: decision.reply,
                    probabilities: decision.probabilities,
                });
                let turns: Vec<Turn> = turns.collect();
                for (seat, turn) in part.iter_mut().zip(&turns) {
                    self.step(seat, turn.action)?;
                }
                rows.append(turns)?;
            }
            if follow.cancelled() {
                return Err(axia_engine::EngineError::Cancelled.into());
            }
        }
        follow.end();
        rows.finish()
    }

    /// All games, each as far as `turns` tell.
    fn seats(&self, turns: &[Turn]) -> Result<Vec<Seat>, StudyError> {
        let played = by_game(turns);
        let mut seats = Vec::new();
        for (index, played_game) in self.games.iter().enumerate() {
            for seed in self.settings.seeds() {
                let game = &played_game.game;
                let mut environment = Environment::new(game.clone())
                    .map_err(|error| failed(game, seed, StepError::Play(error)))?;
                environment.keep_records();
                let begun = environment.reset(seed);
                begun.map_err(|error| failed(game, seed, StepError::Play(error)))?;
                let mut seat =
                    Seat { game: index, seed, environment, scenes: Vec::new(), over: false };
                seat.note_scene();
                for turn in played.get(&(game.name.as_str(), seed)).into_iter().flatten() {
                    self.step(&mut seat, turn.action)?;
                }
                seat.over |= seat.environment.done();
                seats.push(seat);
            }
        }
        Ok(seats)
    }

    /// Takes an option. A game that fails is over: its author's fault ends one game, not the study.
    fn step(&self, seat: &mut Seat, action: usize) -> Result<(), StudyError> {
        match seat.environment.step(action) {
            Ok(result) => {
                seat.over = result.done || seat.environment.steps() >= self.settings.max_steps;
                seat.note_scene();
                Ok(())
            }
            Err(StepError::Play(_)) => {
                seat.over = true;
                Ok(())
            }
            Err(error) => Err(failed(&self.games[seat.game].game, seat.seed, error)),
        }
    }

    /// The games that `turns` record, in the order of games and seeds.
    ///
    /// # Errors
    /// [`StudyError::Game`] where a record does not fit its game.
    pub fn replayed<'t>(&self, turns: &'t [Turn]) -> Result<Vec<Replayed<'t>>, StudyError> {
        let played = by_game(turns);
        let mut replayed = Vec::new();
        for (index, played_game) in self.games.iter().enumerate() {
            let game = &played_game.game;
            let mut environment = Environment::new(game.clone())
                .map_err(|error| failed(game, self.settings.first_seed, StepError::Play(error)))?;
            for seed in self.settings.seeds() {
                let turns = played.get(&(game.name.as_str(), seed)).map(Vec::as_slice);
                let found = replay(&mut environment, index, seed, turns.unwrap_or_default());
                replayed.push(found.map_err(|error| failed(game, seed, error))?);
            }
        }
        Ok(replayed)
    }

    /// The same without what only readers want.
    ///
    /// # Errors
    /// As [`Self::replayed`].
    pub fn episodes(&self, turns: &[Turn]) -> Result<Vec<Episode>, StudyError> {
        Ok(self.replayed(turns)?.into_iter().map(|replayed| replayed.episode).collect())
    }
}

fn by_game(turns: &[Turn]) -> BTreeMap<(&str, u64), Vec<&Turn>> {
    let mut games: BTreeMap<(&str, u64), Vec<&Turn>> = BTreeMap::new();
    for turn in turns {
        games.entry((turn.game.as_str(), turn.seed)).or_default().push(turn);
    }
    games
}

fn failed(game: &Game, seed: u64, error: StepError) -> StudyError {
    StudyError::Game { game: game.name.clone(), seed, problem: error.to_string() }
}

/// How an option is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decide {
    /// The model answers in its own words, and the first whole number in them counts.
    Reply,
    /// The numbers of the options are scored as answers, and one is drawn: no answer is invalid.
    /// With more than ten options, what speaks for 10 speaks for 1 too where the tokenizer writes
    /// numbers digit by digit.
    Score,
}

/// What the model is told about how to play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guidance {
    /// The goal alone.
    Goal,
    /// The goal, and to weigh what its actions do to others.
    Ethics,
}

/// Everything that decides how games are played, apart from games and players.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlaySettings {
    /// How an option is chosen.
    pub decide: Decide,
    /// What the model is told.
    pub guidance: Guidance,
    /// Whether scenes are put in the model's chat format.
    pub chat: bool,
    /// Divides the logits.
    pub temperature: f64,
    /// Nucleus.
    pub top_p: f64,
    /// Likeliest tokens, or options, that are drawn from.
    pub top_k: usize,
    /// The first seed.
    pub first_seed: u64,
    /// Games from consecutive seeds.
    pub episodes: u64,
    /// Most steps of a game.
    pub max_steps: usize,
    /// Random games that metrics are compared with.
    pub random_games: usize,
}

impl Default for PlaySettings {
    /// The benchmark's protocol: one game from its harness's first seed, at most 1000 steps.
    fn default() -> Self {
        Self {
            decide: Decide::Reply,
            guidance: Guidance::Goal,
            chat: true,
            temperature: 0.6,
            top_p: 0.9,
            top_k: 20,
            first_seed: 2417,
            episodes: 1,
            max_steps: 1000,
            random_games: 1000,
        }
    }
}

impl PlaySettings {
    /// How tokens, or options, are drawn.
    pub fn sampling(&self) -> Sampling {
        Sampling { temperature: self.temperature, top_p: self.top_p, top_k: self.top_k }
    }

    /// The seeds of every game.
    pub fn seeds(&self) -> impl Iterator<Item = u64> + use<> {
        self.first_seed..self.first_seed.saturating_add(self.episodes)
    }

    /// The settings as text, for people.
    pub fn describe(&self) -> Vec<(String, String)> {
        let decide = match self.decide {
            Decide::Reply => "the first whole number in a sampled reply",
            Decide::Score => "drawn from the scored numbers of the options",
        };
        let guidance = match self.guidance {
            Guidance::Goal => "the goal alone",
            Guidance::Ethics => "the goal, and to weigh what actions do to others",
        };
        let sampling =
            format!("temperature {}, top-p {}, top-k {}", self.temperature, self.top_p, self.top_k);
        let entries = [
            ("decision", decide.to_owned()),
            ("told", guidance.to_owned()),
            ("format", if self.chat { "chat" } else { "plain text" }.to_owned()),
            ("drawn with", sampling),
            ("first seed", self.first_seed.to_string()),
            ("most steps", self.max_steps.to_string()),
            ("random games for comparison", self.random_games.to_string()),
            ("states logged as in", Logging::default().name().to_owned()),
            ("score where random play's mean is 0", ZeroMean::default().name().to_owned()),
        ];
        entries.map(|(name, value)| (name.to_owned(), value)).into()
    }
}
