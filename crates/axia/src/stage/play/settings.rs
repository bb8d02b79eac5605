//! How games are played.

use axia_adventure::metrics::{Logging, ZeroMean};
use axia_engine::generate::Sampling;
use serde::{Deserialize, Serialize};

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
