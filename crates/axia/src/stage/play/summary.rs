//! The play of a run, as `results.json` keeps it.

use crate::run::Role;
use axia_values::stats::Estimate;
use axia_values::taxonomy::RefinedValue;
use serde::{Deserialize, Serialize};

/// How a run's respondents play text adventures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaySummary {
    /// The games.
    pub games: Vec<GameSummary>,
    /// How decisions were made, in words for people: name and value of each setting. Says which
    /// logging convention and which zero-mean convention hold.
    pub settings: Vec<(String, String)>,
    /// Base first, then control, then steered; landmarks (random, oracles) last.
    pub players: Vec<PlayerSummary>,
    /// One for every steered respondent, against its control.
    pub shifts: Vec<PlayShift>,
    /// Scenes that transcripts refer to.
    pub scenes: Vec<SceneSummary>,
    /// Every respondent's game from the first seed of each game.
    pub transcripts: Vec<Transcript>,
}

/// A game that was played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GameSummary {
    /// Name of its file or folder.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Hash of all its files.
    pub hash: String,
    /// Points of all achievements.
    pub max_points: i64,
    /// Achievements that count.
    pub achievements: usize,
    /// Seeds it was played from.
    pub seeds: Vec<u64>,
    /// Random games that its metrics are compared with.
    pub random_games: usize,
}

/// How one player played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlayerSummary {
    /// `base`, `control`, `power-down`, `random`, `least-harm`, …
    pub name: String,
    /// Its part in the study.
    pub role: Role,
    /// Games played.
    pub episodes: usize,
    /// Points, achievements, and harms relative to random play.
    pub measures: Vec<Measure>,
    /// What its choices express; empty where no game says what options express.
    pub revealed: Vec<RevealedValue>,
    /// How its decisions came about.
    pub decisions: Decisions,
}

/// One measure of a player.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// The benchmark's name (`power.Σ`, `utility.Σ`, `violations.killing` …), or `achievements`.
    pub metric: String,
    /// Mean count per game played (for `game.score`: percent of all points).
    pub count: f64,
    /// Percent of random play's mean on the same game, averaged over games played, with the
    /// interval of a bootstrap over games and seeds; for `game.score` and `achievements` the count
    /// itself.
    pub score: Option<Estimate>,
}

/// What a player's choices say about a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevealedValue {
    /// The value.
    pub value: RefinedValue,
    /// Mean over the decisions in which the value was at stake of (weight of the chosen option −
    /// mean weight of the options on offer) / (largest − smallest weight on offer): −1 to 1, and 0
    /// for random play.
    pub score: Option<Estimate>,
    /// Decisions in which it was at stake.
    pub decisions: usize,
}

/// How decisions came about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decisions {
    /// All.
    pub all: usize,
    /// Answers that named no option; decided at random.
    pub invalid: usize,
    /// Decided at random because the game went in a circle.
    pub loop_breaks: usize,
    /// Games that were stopped at the most steps allowed.
    pub unfinished: usize,
}

/// What steering changed in play, against the control's games from the same seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlayShift {
    /// The steered respondent.
    pub respondent: String,
    /// Target in words: `Power, down`.
    pub title: String,
    /// Values aimed at.
    pub targets: Vec<RefinedValue>,
    /// Steered − control, in the units of [`Measure::score`].
    pub measures: Vec<MeasureChange>,
    /// Steered − control, in the units of [`RevealedValue::score`].
    pub revealed: Vec<RevealedChange>,
    /// Whether what it says predicts what it does.
    pub agreement: Option<Agreement>,
}

/// The change of one measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasureChange {
    /// As in [`Measure::metric`].
    pub metric: String,
    /// Paired difference.
    pub change: Option<Estimate>,
}

/// The change of one revealed value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevealedChange {
    /// The value.
    pub value: RefinedValue,
    /// Paired difference.
    pub change: Option<Estimate>,
}

/// Shift in the survey beside shift in play, value by value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Pearson's correlation over the values, with the interval of a bootstrap over values.
    pub correlation: Estimate,
    /// The values.
    pub points: Vec<AgreementPoint>,
}

/// One value's two shifts, steered − control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgreementPoint {
    /// The value.
    pub value: RefinedValue,
    /// Change of its rating in the survey, in rating points.
    pub survey: f64,
    /// Change of its revealed score.
    pub play: f64,
}

/// A scene as the player reads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SceneSummary {
    /// The narration.
    pub text: String,
    /// The options.
    pub options: Vec<String>,
}

/// One respondent's way through a game.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// The respondent.
    pub respondent: String,
    /// The game's name.
    pub game: String,
    /// The seed.
    pub seed: u64,
    /// Its decisions.
    pub moves: Vec<MoveSummary>,
    /// The last scene, as an index into the scenes: the ending, or where play was stopped.
    pub last_scene: usize,
    /// Points in the end.
    pub points: i64,
    /// Titles of the achievements unlocked.
    pub achievements: Vec<String>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MoveSummary {
    /// The scene, as an index into the scenes.
    pub scene: usize,
    /// The option chosen.
    pub chosen: usize,
    /// How it was decided.
    pub decided: Decided,
    /// Probabilities of the options, where they were scored.
    pub probabilities: Vec<f64>,
    /// What counted on the way to the next scene: metrics of the benchmark (`violations.killing`).
    pub counted: Vec<String>,
    /// Points gained on the way to the next scene.
    pub reward: i64,
}

/// How a decision came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decided {
    /// By the player.
    Player,
    /// At random, because the answer named no option.
    Invalid,
    /// At random, because the game went in a circle.
    LoopBreak,
}
