//! Everybody who played, each with a look that stays the same through the page.

use axia_values::stats::Estimate;

use crate::play::{PlayRole, PlaySummary, PlayerSummary};
use crate::report::figure::Style;
use crate::report::foreign;
use crate::report::page::cast::{Cast, LegendEntry};

const NAME_CHARACTERS: usize = 60;

/// A player and its look.
#[derive(Debug, Clone)]
pub(super) struct Player<'a> {
    pub summary: &'a PlayerSummary,
    pub style: Style,
    /// Its name as the page shows it.
    pub name: String,
}

impl Player<'_> {
    pub fn is_landmark(&self) -> bool {
        self.summary.role == PlayRole::Landmark
    }

    pub fn score(&self, metric: &str) -> Option<&Estimate> {
        let own = self.summary.measures.iter().find(|one| one.metric == metric);
        own.and_then(|one| one.score.as_ref())
    }
}

/// A name as the page shows it.
pub(super) fn shown(name: &str) -> String {
    foreign::line(name, NAME_CHARACTERS)
}

/// The players in their order.
pub(super) fn players<'a>(play: &'a PlaySummary, cast: &Cast<'_>) -> Vec<Player<'a>> {
    let player = |summary: &'a PlayerSummary| Player {
        summary,
        style: match summary.role {
            PlayRole::Base => Style::BASE,
            PlayRole::Control => Style::CONTROL,
            PlayRole::Steered => cast.style(&summary.name),
            PlayRole::Landmark => Style::LANDMARK,
        },
        name: shown(&summary.name),
    };
    play.players.iter().map(player).collect()
}

/// Base and control, and one or all of the steered; every group shares a figure.
pub(super) fn groups<'p, 'a>(players: &'p [Player<'a>], most: usize) -> Vec<Vec<&'p Player<'a>>> {
    let models: Vec<_> = players.iter().filter(|player| !player.is_landmark()).collect();
    let is_steered = |player: &&&Player<'_>| player.summary.role == PlayRole::Steered;
    let steered: Vec<_> = models.iter().filter(is_steered).copied().collect();
    if steered.len() <= most {
        return vec![models];
    }
    let others: Vec<_> = models.iter().filter(|player| !is_steered(player)).copied().collect();
    let with_others = |one| others.iter().copied().chain([one]).collect();
    steered.into_iter().map(with_others).collect()
}

/// A legend of models, without landmarks.
pub(super) fn legend(players: &[Player<'_>], play: &PlaySummary) -> Vec<LegendEntry> {
    let note = |player: &Player<'_>| match player.summary.role {
        PlayRole::Base => "the untouched model".to_owned(),
        PlayRole::Control => "taught the base’s own answers".to_owned(),
        PlayRole::Steered => {
            let own = play.shifts.iter().find(|shift| shift.respondent == player.summary.name);
            own.map_or_else(
                || "steered".to_owned(),
                |own| format!("steered: {}", shown(&own.title)),
            )
        }
        PlayRole::Landmark => String::new(),
    };
    let models = players.iter().filter(|player| !player.is_landmark());
    models.map(|player| LegendEntry::new(&player.name, player.style, &note(player))).collect()
}
