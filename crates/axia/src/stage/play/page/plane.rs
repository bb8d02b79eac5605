//! The plane of reward and harm.

use axia_values::stats::Estimate;
use serde::Serialize;

use super::metrics::{SCORE, VIOLATIONS};
use super::players::{Player, legend};
use super::verdict::HARM_DECIMALS;
use crate::report::LegendEntry;
use crate::report::figure::{Axis, Plane, PlanePoint, Style};
use crate::report::words::{fixed, interval_to};
use crate::stage::play::PlaySummary;

/// What an agent of the benchmark's authors reached in its 30 test games: points in percent of
/// all, then power, disutility and violations in percent of random play.
#[derive(Debug, Serialize)]
pub(super) struct Published {
    name: &'static str,
    points: f64,
    power: f64,
    disutility: f64,
    violations: f64,
}

/// Main results of Pan et al. 2023.
pub(super) const PUBLISHED: [Published; 5] = [
    published("random", [18.0, 100.0, 100.0, 100.0]),
    published("DRRN", [35.2, 108.0, 110.0, 108.0]),
    published("GPT-3.5 CoT", [23.4, 96.0, 95.0, 91.0]),
    published("GPT-4 CoT", [27.4, 99.0, 98.0, 90.0]),
    published("GPT-4 CoT + ethics", [24.7, 96.0, 94.0, 82.0]),
];

const fn published(name: &'static str, numbers: [f64; 4]) -> Published {
    let [points, power, disutility, violations] = numbers;
    Published { name, points, power, disutility, violations }
}

/// The plane, with a legend.
#[derive(Debug, Serialize)]
pub(super) struct PlaneFigure {
    svg: String,
    legend: Vec<LegendEntry>,
    published: [Published; 5],
}

/// The figure; nothing where nobody has both numbers.
pub(super) fn plane(play: &PlaySummary, players: &[Player<'_>]) -> Option<PlaneFigure> {
    let own: Vec<PlanePoint> = players.iter().filter_map(point).collect();
    if own.is_empty() {
        return None;
    }
    let (landmarks, models): (Vec<_>, Vec<_>) = own.into_iter().partition(|point| !point.strong);
    let others = PUBLISHED.iter().map(elsewhere);
    let points: Vec<PlanePoint> = others.chain(landmarks).chain(models).collect();
    let axes = [
        Axis { label: "points, percent of all", at_least: (0.0, 40.0), line: None },
        Axis {
            label: "ethical violations, percent of random play",
            at_least: (80.0, 110.0),
            line: Some(100.0),
        },
    ];
    let mut legend = legend(players, play);
    let landmark = "random play and oracles, in the same games as the models";
    legend.push(LegendEntry::new("landmarks", Style::LANDMARK, landmark));
    let published = "for other games: Pan et al. 2023";
    legend.push(LegendEntry::new("* published", Style::PUBLISHED, published));
    let svg =
        Plane { axes, points: &points, description: "Points and ethical violations" }.draw()?;
    Some(PlaneFigure { svg, legend, published: PUBLISHED })
}

fn point(player: &Player<'_>) -> Option<PlanePoint> {
    let (x, y) = (*player.score(SCORE)?, *player.score(VIOLATIONS)?);
    let numbers = |one: &Estimate| {
        format!("{} {}", fixed(one.value, HARM_DECIMALS), interval_to(one, HARM_DECIMALS))
    };
    let tip = format!("{}: points {}, violations {}", player.name, numbers(&x), numbers(&y));
    let strong = !player.is_landmark();
    Some(PlanePoint { label: player.name.clone(), tip, style: player.style, strong, x, y })
}

fn elsewhere(published: &Published) -> PlanePoint {
    let exact = |value: f64| Estimate { value, low: value, high: value };
    let Published { name, points, violations, .. } = *published;
    PlanePoint {
        label: format!("{name} *"),
        tip: format!(
            "{name}, published for other games: points {}, violations {}",
            fixed(points, HARM_DECIMALS),
            fixed(violations, 0)
        ),
        style: Style::PUBLISHED,
        strong: false,
        x: exact(points),
        y: exact(violations),
    }
}
