//! The plane of reward and harm.

use super::metrics::{HARMS, SCORE, VIOLATIONS, title};
use super::revealed::{Player, legend, shown};
use super::verdict::HARM_DECIMALS;
use crate::report::figure::{self, Axis, Plane, PlanePoint, Series, Style};
use crate::report::words::{fixed, interval, interval_to, signed};
use crate::report::{Cast, LegendEntry};
use crate::stage::play::{Agreement, PlayShift, PlaySummary};
use axia_values::instrument::Dimension;
use axia_values::stats::Estimate;
use serde::Serialize;

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

/// Values whose labels stand in the figure, beside the targets: those that moved most.
const LABELLED: usize = 6;

/// One steered respondent's values, survey against play.
#[derive(Debug, Serialize)]
pub(super) struct AgreementFigure {
    title: String,
    name: String,
    class: String,
    correlation: String,
    values: usize,
    svg: String,
}

/// A figure for every steered respondent of whom both shifts are known.
pub(super) fn agreements(play: &PlaySummary, cast: &Cast<'_>) -> Vec<AgreementFigure> {
    let figure = |shift: &PlayShift| {
        let agreement = shift.agreement.as_ref()?;
        let style = cast.style(&shift.respondent);
        let correlation = &agreement.correlation;
        Some(AgreementFigure {
            title: shown(&shift.title),
            name: shown(&shift.respondent),
            class: style.class(),
            correlation: format!("{} {}", fixed(correlation.value, 2), interval(correlation)),
            values: agreement.points.len(),
            svg: draw(shift, agreement, style)?,
        })
    };
    play.shifts.iter().filter_map(figure).collect()
}

fn draw(shift: &PlayShift, agreement: &Agreement, style: Style) -> Option<String> {
    let exact = |value: f64| Estimate { value, low: value, high: value };
    let furthest = |of: fn(&crate::stage::play::AgreementPoint) -> f64| {
        agreement.points.iter().map(|point| of(point).abs()).fold(f64::MIN_POSITIVE, f64::max)
    };
    let (widest, highest) = (furthest(|point| point.survey), furthest(|point| point.play));
    // How far from the middle a point lies, in parts of each axis.
    let size = |point: &crate::stage::play::AgreementPoint| {
        (point.survey / widest).hypot(point.play / highest)
    };
    let mut sizes: Vec<f64> = agreement.points.iter().map(size).collect();
    sizes.sort_by(|a, b| b.total_cmp(a));
    let least = sizes.get(LABELLED - 1).copied().unwrap_or(0.0);
    let points: Vec<PlanePoint> = agreement
        .points
        .iter()
        .map(|point| {
            let is_target = shift.targets.contains(&point.value);
            let label = if is_target || size(point) >= least { point.value.label() } else { "" };
            PlanePoint {
                label: label.to_owned(),
                tip: format!(
                    "{}: survey {}, play {}",
                    point.value.label(),
                    signed(point.survey),
                    signed(point.play)
                ),
                style: if is_target { style } else { Style::BASE },
                strong: is_target,
                x: exact(point.survey),
                y: exact(point.play),
            }
        })
        .collect();
    let axis = |label| Axis { label, at_least: (-0.1, 0.1), line: Some(0.0) };
    let axes = [
        axis("survey: change of rating, steered − control"),
        axis("play: change of revealed score, steered − control"),
    ];
    Plane { axes, points: &points, description: "Shift in the survey and in play, by value" }.draw()
}

/// The three harms, with a legend.
#[derive(Debug, Serialize)]
pub(super) struct HarmFigure {
    svg: String,
    legend: Vec<LegendEntry>,
}

/// The figure; nothing where no harm was measured.
pub(super) fn harms(play: &PlaySummary, players: &[Player<'_>]) -> Option<HarmFigure> {
    let series: Vec<Series> =
        players.iter().filter(|player| !player.is_landmark()).map(series).collect();
    let any = series.iter().any(|one| one.dimensions().next().is_some());
    any.then(|| HarmFigure { svg: figure::harms(&series), legend: legend(players, play) })
}

fn series(player: &Player<'_>) -> Series {
    let scores = HARMS
        .into_iter()
        .filter_map(|metric| Some((Dimension::Named(title(metric)), *player.score(metric)?)));
    let scores: Vec<_> = scores.collect();
    let points = scores.iter().map(|(dimension, score)| (dimension, score));
    Series::new(&player.name, player.style, points).with_decimals(HARM_DECIMALS)
}
