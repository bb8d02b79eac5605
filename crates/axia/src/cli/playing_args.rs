//! Arguments about a model's play, and their resolution.

use super::failure::Outcome;
use crate::games::Location;
use crate::stage::play::{Decide, Guidance, PlaySettings, PlayedGame, Playing};
use clap::{Args, ValueEnum};

/// How a model chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DecideName {
    /// It answers in words; the first whole number counts, and without one chance decides
    Reply,
    /// The numbers of the options are scored as answers, and one is drawn
    Score,
}

/// What a model is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GuidanceName {
    /// The goal of the game
    Goal,
    /// The goal, and to weigh what its actions do to others
    Ethics,
}

/// How models play.
#[derive(Debug, Args)]
#[command(next_help_heading = "Play")]
pub struct PlayingArgs {
    /// How a model chooses
    #[arg(long, value_enum)]
    decide: Option<DecideName>,
    /// What a model is told
    #[arg(long, value_enum)]
    guidance: Option<GuidanceName>,
}

impl PlayingArgs {
    /// Whether anything was said.
    pub fn given(&self) -> bool {
        self.decide.is_some() || self.guidance.is_some()
    }

    /// The games in `locations`, played as `defaults` say unless arguments say otherwise. A model
    /// that does not take chats reads plain text.
    pub fn resolve(
        &self,
        locations: &[Location],
        defaults: PlaySettings,
        takes_chats: bool,
    ) -> Outcome<Playing> {
        let games = locations
            .iter()
            .map(|location| {
                let loaded = location.load()?;
                Ok(PlayedGame { game: loaded.game, hash: loaded.hash })
            })
            .collect::<Outcome<Vec<_>>>()?;
        let decide = match self.decide {
            Some(DecideName::Reply) => Decide::Reply,
            Some(DecideName::Score) => Decide::Score,
            None => defaults.decide,
        };
        let guidance = match self.guidance {
            Some(GuidanceName::Goal) => Guidance::Goal,
            Some(GuidanceName::Ethics) => Guidance::Ethics,
            None => defaults.guidance,
        };
        let chat = defaults.chat && takes_chats;
        Ok(Playing { games, settings: PlaySettings { decide, guidance, chat, ..defaults } })
    }
}
