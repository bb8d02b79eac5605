//! Everybody who played, each with a look that stays the same through the page.

use axia_values::stats::Estimate;

use crate::report::figure::Style;
use crate::report::{Cast, LegendEntry, part_of};
use crate::run::Role;
use crate::stage::play::{PlaySummary, PlayerSummary};
use crate::text::visible_line;

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
        self.summary.role == Role::Landmark
    }

    pub fn score(&self, metric: &str) -> Option<&Estimate> {
        let own = self.summary.measures.iter().find(|one| one.metric == metric);
        own.and_then(|one| one.score.as_ref())
    }
}

/// A name as the page shows it.
pub(super) fn shown(name: &str) -> String {
    visible_line(name, NAME_CHARACTERS)
}

/// The players in their order.
pub(super) fn players<'a>(play: &'a PlaySummary, cast: &Cast<'_>) -> Vec<Player<'a>> {
    let player = |summary: &'a PlayerSummary| Player {
        summary,
        style: cast.style_of(&summary.name, summary.role),
        name: shown(&summary.name),
    };
    play.players.iter().map(player).collect()
}

/// Base and control, and one or all of the steered; every group shares a figure.
pub(super) fn groups<'p, 'a>(players: &'p [Player<'a>], most: usize) -> Vec<Vec<&'p Player<'a>>> {
    let models: Vec<_> = players.iter().filter(|player| !player.is_landmark()).collect();
    let is_steered = |player: &&&Player<'_>| player.summary.role == Role::Steered;
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
    let note = |player: &Player<'_>| {
        let own = play.shifts.iter().find(|shift| shift.respondent == player.summary.name);
        part_of(player.summary.role, own.map(|own| shown(&own.title)).as_deref())
    };
    let models = players.iter().filter(|player| !player.is_landmark());
    models.map(|player| LegendEntry::new(&player.name, player.style, &note(player))).collect()
}
