//! What choices express.

use axia_values::instrument::Dimension;
use axia_values::rating::Rating;
use serde::Serialize;

use super::players::{Player, groups, legend};
use super::verdict::direction;
use crate::report::Figure;
use crate::report::LegendEntry;
use crate::report::figure::{self, Goal, Series};
use crate::stage::play::{PlayShift, PlaySummary};

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
