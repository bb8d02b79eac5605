//! The play of a run, as `results.json` keeps it.

use crate::report::Table;
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

const CHANGE: &str = "steered-minus-control";

impl Table {
    pub(in crate::stage) fn play(&mut self, play: &PlaySummary) {
        play.games.iter().for_each(|game| self.game(game));
        play.players.iter().for_each(|player| self.player(player));
        play.shifts.iter().for_each(|shift| self.play_shift(shift));
    }

    fn game(&mut self, game: &GameSummary) {
        let place = ("all", "game", game.name.as_str());
        self.number(place, "max-points", game.max_points as f64);
        self.count(place, "achievements", game.achievements);
        self.count(place, "seeds", game.seeds.len());
        self.count(place, "random-games", game.random_games);
    }

    fn player(&mut self, player: &PlayerSummary) {
        let name = player.name.as_str();
        let Decisions { all, invalid, loop_breaks, unfinished } = player.decisions;
        let counts = [
            ("games", player.episodes),
            ("decisions", all),
            ("invalid", invalid),
            ("loop-breaks", loop_breaks),
            ("unfinished", unfinished),
        ];
        for (measure, count) in counts {
            self.count((name, "playing", "all"), measure, count);
        }
        for measure in &player.measures {
            let place = (name, "play", measure.metric.as_str());
            self.number(place, "count", measure.count);
            if let Some(score) = &measure.score {
                self.estimate(place, "score", score);
            }
        }
        for revealed in &player.revealed {
            let place = (name, "revealed", revealed.value.slug());
            self.count(place, "decisions", revealed.decisions);
            if let Some(score) = &revealed.score {
                self.estimate(place, "score", score);
            }
        }
    }

    fn play_shift(&mut self, shift: &PlayShift) {
        let respondent = shift.respondent.as_str();
        for measure in &shift.measures {
            if let Some(change) = &measure.change {
                self.estimate((respondent, "play", &measure.metric), CHANGE, change);
            }
        }
        for revealed in &shift.revealed {
            if let Some(change) = &revealed.change {
                self.estimate((respondent, "revealed", revealed.value.slug()), CHANGE, change);
            }
        }
        if let Some(agreement) = &shift.agreement {
            self.agreement(respondent, agreement);
        }
    }

    fn agreement(&mut self, respondent: &str, agreement: &Agreement) {
        self.estimate((respondent, "agreement", "all"), "correlation", &agreement.correlation);
        for point in &agreement.points {
            let place = (respondent, "agreement", point.value.slug());
            self.number(place, "survey-shift", point.survey);
            self.number(place, "play-shift", point.play);
        }
    }
}
