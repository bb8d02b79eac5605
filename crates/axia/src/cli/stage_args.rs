//! Arguments of stages: dilemmas and games, and their resolution.

use super::failure::{Failure, Outcome};
use crate::games::Location;
use crate::stage::judgement::{JudgeSettings, Judging, Ways, around_target};
use crate::stage::play::{Decide, Guidance, PlaySettings, PlayedGame, Playing};
use anyhow::anyhow;
use axia_values::dilemma::DilemmaSet;
use axia_values::target::Target;
use axia_values::taxonomy::{RefinedValue, Value};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// In how many ways a post is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WaysName {
    /// 3 wordings, each with an order of the verdicts of its own
    Latin,
    /// 3 wordings × 3 orders
    Rotations,
    /// 3 wordings × all 6 orders
    All,
}

/// What is judged, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Moral judgement")]
pub struct JudgingArgs {
    /// Dilemmas: a file or folder in axia's format or the public JSON; by default the bundled ones
    #[arg(long)]
    dilemmas: Option<PathBuf>,
    /// Most posts to judge, the target's first, then spread over the other values; 0 for none
    #[arg(long)]
    posts: Option<usize>,
    /// Ways of asking
    #[arg(long, value_enum)]
    ways: Option<WaysName>,
    /// Take out the model's liking for a verdict whatever the post
    #[arg(long)]
    calibrate: bool,
}

/// What holds unless arguments say otherwise.
#[derive(Debug, Clone, Copy)]
pub struct JudgingDefaults {
    /// Most posts; all by default.
    pub posts: Option<usize>,
    /// Ways of asking.
    pub ways: Ways,
}

impl JudgingArgs {
    /// The dilemmas to be judged by respondents steered to `targets`; nothing if none are wanted,
    /// or no target is a value.
    pub fn resolve(
        &self,
        defaults: JudgingDefaults,
        targets: &[&Target],
        seed: u64,
        chat: bool,
    ) -> Outcome<Option<Judging>> {
        // Whoever names dilemmas wants them judged.
        let posts = self.posts.or(defaults.posts.filter(|_| self.dilemmas.is_none()));
        let goals = targets.iter().flat_map(|target| target.goals());
        let mut values: Vec<RefinedValue> =
            goals.filter_map(|(dimension, _)| dimension.value()).flat_map(Value::refined).collect();
        values.sort_unstable();
        values.dedup();
        if posts == Some(0) || values.is_empty() {
            return Ok(None);
        }
        self.judging(posts, &values, defaults.ways, seed, chat).map(Some)
    }

    /// The dilemmas to be judged by a respondent that nobody steered.
    pub fn untargeted(&self, ways: Ways, seed: u64, chat: bool) -> Outcome<Judging> {
        if self.posts == Some(0) {
            return Err(Failure::input(anyhow!("--posts must be at least 1")));
        }
        self.judging(self.posts, &[], ways, seed, chat)
    }

    /// At most `posts` dilemmas, those about `values` first.
    fn judging(
        &self,
        posts: Option<usize>,
        values: &[RefinedValue],
        ways: Ways,
        seed: u64,
        chat: bool,
    ) -> Outcome<Judging> {
        let set = match &self.dilemmas {
            Some(path) => read_dilemmas(path)?,
            None => DilemmaSet::bundled().clone(),
        };
        let ways = match self.ways {
            Some(WaysName::Latin) => Ways::Latin,
            Some(WaysName::Rotations) => Ways::Rotations,
            Some(WaysName::All) => Ways::All,
            None => ways,
        };
        let set = match posts {
            Some(most) => around_target(&set, values, most, seed),
            None => set,
        };
        let settings = JudgeSettings { ways, calibrate: self.calibrate, chat };
        Ok(Judging { set, settings })
    }
}

/// Reads dilemmas; says on standard error what was left out of them.
pub fn read_dilemmas(path: &Path) -> Outcome<DilemmaSet> {
    let import = DilemmaSet::read(path)
        .map_err(|error| Failure::input(error).while_trying("read the dilemmas"))?;
    if import.report.kept_out() > 0 {
        eprintln!("{}", import.report);
    }
    Ok(import.set)
}

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
