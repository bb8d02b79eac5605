//! What scaling the adapters does: movement against its cost in language, by scale.

use crate::report::Cast;
use crate::report::figure::{Axis, Plane, PlanePoint};
use crate::report::words::{change, change_with_interval, fixed, with_interval};
use crate::study::{Frontier, FrontierPoint};
use axia_values::stats::Estimate;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct FrontierSection {
    /// How scales were chosen.
    rule: String,
    figure: Option<String>,
    rows: Vec<Row>,
}

/// One scale of one respondent.
#[derive(Debug, Serialize)]
struct Row {
    respondent: String,
    class: String,
    /// Whether it is the respondent's first row.
    is_first: bool,
    is_chosen: bool,
    scale: String,
    drop: String,
    fluctuation: String,
    selectivity: String,
    perplexity: String,
}

/// The section; `None` where nothing was scaled.
pub(super) fn section(frontiers: &[Frontier], cast: &Cast<'_>) -> Option<FrontierSection> {
    let first = frontiers.first()?;
    let rows = frontiers.iter().flat_map(|frontier| {
        let points = frontier.points.iter().enumerate();
        points.map(|(at, point)| row(frontier, point, at == 0, cast)).collect::<Vec<_>>()
    });
    Some(FrontierSection {
        rule: rule(first),
        figure: figure(frontiers, cast),
        rows: rows.collect(),
    })
}

fn rule(frontier: &Frontier) -> String {
    let [items, of_target] = frontier.items;
    let on = format!(
        "Measured on {items} validation items, {of_target} of them the target’s, and on passages \
         that nothing else is measured on."
    );
    match frontier.budget {
        Some(budget) => format!(
            "{on} Each adapter got the scale that is most selective among those whose perplexity \
             stays within {} % above the base’s (by the upper end of its interval); it is the one that all other numbers are of.",
            fixed(budget * 100.0, 0)
        ),
        None => format!("{on} No budget was set, so that adapters stayed as they were trained."),
    }
}

fn figure(frontiers: &[Frontier], cast: &Cast<'_>) -> Option<String> {
    let points: Vec<PlanePoint> = frontiers
        .iter()
        .flat_map(|frontier| frontier.points.iter().map(move |point| (frontier, point)))
        .filter(|(_, point)| point.scale > 0.0)
        .map(|(frontier, point)| plane_point(frontier, point, cast))
        .collect();
    let budget = frontiers.iter().find_map(|frontier| frontier.budget);
    let cost = Axis {
        label: "perplexity against the base, %",
        at_least: (0.0, 1.0),
        line: budget.map(|budget| budget * 100.0),
    };
    let gain = Axis { label: "selectivity, points", at_least: (0.0, 0.5), line: Some(0.0) };
    let description = "Selectivity against perplexity by the scale of each adapter";
    Plane { axes: [cost, gain], points: &points, description }.draw()
}

fn plane_point(frontier: &Frontier, point: &FrontierPoint, cast: &Cast<'_>) -> PlanePoint {
    let percent = point.perplexity_rise.value * 100.0;
    let gain = point.selectivity.unwrap_or(point.target_drop);
    PlanePoint {
        label: format!("×{}", point.scale),
        tip: format!(
            "{} at {} times its effect: selectivity {}, perplexity {}",
            frontier.respondent,
            point.scale,
            with_interval(&gain),
            change(point.perplexity_rise.value)
        ),
        style: cast.style(&frontier.respondent),
        strong: point.scale == frontier.scale,
        // The table has the interval; drawn here it would strike out the label.
        x: Estimate { value: percent, low: percent, high: percent },
        y: gain,
    }
}

fn row(frontier: &Frontier, point: &FrontierPoint, is_first: bool, cast: &Cast<'_>) -> Row {
    let optional = |e: Option<Estimate>| e.map_or_else(|| "–".to_owned(), |e| with_interval(&e));
    Row {
        respondent: frontier.respondent.clone(),
        class: cast.style(&frontier.respondent).class(),
        is_first,
        is_chosen: point.scale == frontier.scale,
        scale: format!("×{}", point.scale),
        drop: with_interval(&point.target_drop),
        fluctuation: optional(point.fluctuation),
        selectivity: optional(point.selectivity),
        perplexity: change_with_interval(&point.perplexity_rise),
    }
}
