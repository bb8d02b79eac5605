//! What choices express.

use super::verdict::direction;
use crate::report::figure::{self, Goal, Series, Style};
use crate::report::{Cast, Figure, LegendEntry, part_of};
use crate::run::Role;
use crate::stage::play::{PlayShift, PlaySummary, PlayerSummary};
use crate::text::visible_line;
use axia_values::instrument::Dimension;
use axia_values::rating::Rating;
use axia_values::stats::Estimate;
use serde::Serialize;

/// More steered respondents than this get a circle each.
const MAX_ON_ONE_CIRCLE: usize = 2;

/// Revealed values, with a legend.
#[derive(Debug, Serialize)]
pub(super) struct RevealedFigures {
    circular: bool,
    legend: Vec<LegendEntry>,
    figures: Vec<Figure>,
}

/// A circle, or a dot plot where few values were at stake; nothing where none was.
pub(super) fn revealed(play: &PlaySummary, players: &[Player<'_>]) -> Option<RevealedFigures> {
    let groups = groups(players, MAX_ON_ONE_CIRCLE);
    let all: Vec<Series> = groups.iter().flatten().map(|player| series(player)).collect();
    let measured = figure::union(&all);
    if measured.is_empty() {
        return None;
    }
    let circular = figure::is_circular(&measured);
    let draw = |(index, players): (usize, &Vec<&Player<'_>>)| {
        let series: Vec<Series> = players.iter().map(|player| series(player)).collect();
        let goals: Vec<Goal> = players.iter().flat_map(|player| goals(play, player)).collect();
        let svg = if circular {
            figure::revealed_circle(&format!("revealed-{index}"), &series, &goals)
        } else {
            let targets: Vec<Dimension> = goals.into_iter().map(|goal| goal.dimension).collect();
            figure::revealed(&series, &targets)
        };
        let title = match players.last() {
            Some(last) if groups.len() > 1 => last.name.clone(),
            _ => String::new(),
        };
        Figure { svg, title }
    };
    let figures = groups.iter().enumerate().map(draw).collect();
    Some(RevealedFigures { circular, legend: legend(players, play), figures })
}

fn series(player: &Player<'_>) -> Series {
    let scores = player.summary.revealed.iter().filter_map(|one| {
        let score = one.score.filter(|_| one.decisions > 0)?;
        Some((Dimension::from(one.value), score))
    });
    let scores: Vec<_> = scores.collect();
    let points = scores.iter().map(|(dimension, score)| (dimension, score));
    Series::new(&player.name, player.style, points)
}

/// What a player was steered on; the rating only tells the direction.
fn goals(play: &PlaySummary, player: &Player<'_>) -> Vec<Goal> {
    let own = play.shifts.iter().filter(|shift| shift.respondent == player.summary.name);
    let goal = |shift: &PlayShift| match direction(&shift.title) {
        Some("down") => Some(Rating::MIN),
        Some(_) => Some(Rating::MAX),
        None => Rating::new(3).ok(),
    };
    let goals = own.filter_map(|shift| Some((shift, goal(shift)?)));
    goals
        .flat_map(|(shift, rating)| {
            let style = player.style;
            let goal = move |value: &_| Goal { dimension: Dimension::from(*value), rating, style };
            shift.targets.iter().map(goal).collect::<Vec<_>>()
        })
        .collect()
}

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
