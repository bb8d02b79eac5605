//! Profiles: the circle, the table, and the sensitivity to how the question was put.

use axia_values::instrument::Dimension;
use axia_values::profile::{DimensionScore, Profile};
use axia_values::taxonomy::Value;
use serde::Serialize;

use super::effects::{goals, legend};
use crate::report::figure::{self, Goal, Series};
use crate::report::words::{fixed, interval, signed};
use crate::report::{Cast, Figure, LegendEntry, Member};
use crate::run::Role;
use crate::study::summary::{RunSummary, ShiftSummary};

/// More steered respondents than this get a circle each.
const MAX_ON_ONE_CIRCLE: usize = 2;

/// Figures of mean ratings, with their legend.
#[derive(Debug, Serialize)]
pub(super) struct ProfileFigures {
    circular: bool,
    legend: Vec<LegendEntry>,
    figures: Vec<Figure>,
}

/// The circle, or a dot plot for instruments that measure something else.
pub(super) fn figures(summary: &RunSummary, cast: &Cast<'_>) -> ProfileFigures {
    let all: Vec<Series> = cast.members.iter().map(Member::series).collect();
    let circular = figure::is_circular(&figure::union(&all));
    let groups = if circular { groups(cast) } else { vec![cast.members.clone()] };
    let draw = |(index, members): (usize, &Vec<Member<'_>>)| {
        let series: Vec<Series> = members.iter().map(Member::series).collect();
        let goals = goals_of(members, &summary.shifts);
        let svg = if circular {
            figure::circle(&format!("circle-{index}"), &series, &goals)
        } else {
            figure::ratings(&series, &goals)
        };
        let title = match members.last() {
            Some(last) if groups.len() > 1 => last.name.to_owned(),
            _ => String::new(),
        };
        Figure { svg, title }
    };
    let figures = groups.iter().enumerate().map(draw).collect();
    ProfileFigures { circular, legend: legend(&cast.members, &summary.shifts), figures }
}

/// Who shares a circle: everybody, or each of many steered respondents with base and control.
fn groups<'a>(cast: &Cast<'a>) -> Vec<Vec<Member<'a>>> {
    let steered: Vec<_> = cast.in_role(Role::Steered).copied().collect();
    if steered.len() <= MAX_ON_ONE_CIRCLE {
        return vec![cast.members.clone()];
    }
    let others = cast.members.iter().filter(|member| member.role != Role::Steered);
    let others: Vec<_> = others.copied().collect();
    let with_others = |one| others.iter().copied().chain([one]).collect();
    steered.into_iter().map(with_others).collect()
}

fn goals_of(members: &[Member<'_>], shifts: &[ShiftSummary]) -> Vec<Goal> {
    let goals = members.iter().flat_map(|member| {
        let own = shifts.iter().filter(|shift| shift.respondent == member.name);
        own.flat_map(|shift| goals(shift, member.style))
    });
    goals.collect()
}

/// The figure of instruction and template sensitivity.
pub(super) fn sensitivity(cast: &Cast<'_>) -> Option<String> {
    let respondents: Vec<_> = cast
        .members
        .iter()
        .map(|member| (member.name, member.profile.dimensions.as_slice()))
        .collect();
    figure::sensitivity(&respondents)
}

/// The table of all scores.
#[derive(Debug, Serialize)]
pub(super) struct ProfileTable {
    respondents: Vec<Column>,
    groups: Vec<Group>,
}

#[derive(Debug, Serialize)]
struct Column {
    name: String,
    class: String,
}

#[derive(Debug, Serialize)]
struct Group {
    name: &'static str,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    label: String,
    items: usize,
    /// One for each respondent; nothing where it has no score.
    cells: Vec<Option<Cell>>,
}

#[derive(Debug, Serialize)]
struct Cell {
    mean: String,
    interval: String,
    centred: String,
    rank: usize,
}

/// All scores of all respondents.
pub(super) fn table(cast: &Cast<'_>) -> ProfileTable {
    let respondents = cast
        .members
        .iter()
        .map(|member| Column { name: member.name.to_owned(), class: member.style.class() });
    let all_refined = cast.members.iter().all(|member| {
        let mut dimensions = member.profile.dimensions.iter().map(|score| &score.dimension);
        dimensions.all(|dimension| matches!(dimension, Dimension::Value(Value::Refined(_))))
    });
    let first = if all_refined { "Refined values" } else { "Dimensions" };
    let groups = [
        Group { name: first, rows: rows(cast, |profile| &profile.dimensions) },
        Group { name: "Basic values", rows: rows(cast, |profile| &profile.basic) },
        Group { name: "Higher-order values", rows: rows(cast, |profile| &profile.higher) },
    ];
    let groups = groups.into_iter().filter(|group| !group.rows.is_empty()).collect();
    ProfileTable { respondents: respondents.collect(), groups }
}

fn rows(cast: &Cast<'_>, of: fn(&Profile) -> &[DimensionScore]) -> Vec<Row> {
    let columns: Vec<_> = cast.members.iter().map(|member| of(member.profile)).collect();
    let Some(longest) = columns.iter().max_by_key(|scores| scores.len()) else { return Vec::new() };
    let row = |score: &DimensionScore| {
        let own = |scores: &&[DimensionScore]| {
            scores.iter().find(|other| other.dimension == score.dimension).map(cell)
        };
        Row {
            label: score.dimension.label().to_owned(),
            items: score.items,
            cells: columns.iter().map(own).collect(),
        }
    };
    longest.iter().map(row).collect()
}

fn cell(score: &DimensionScore) -> Cell {
    Cell {
        mean: fixed(score.mean.value, 2),
        interval: interval(&score.mean),
        centred: signed(score.centred.value),
        rank: score.rank,
    }
}
