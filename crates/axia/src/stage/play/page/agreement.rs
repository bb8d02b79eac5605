//! Whether what respondents say predicts what they do.

use axia_values::stats::Estimate;
use serde::Serialize;

use super::players::shown;
use crate::report::Cast;
use crate::report::figure::{Axis, Plane, PlanePoint, Style};
use crate::report::words::{fixed, interval, signed};
use crate::stage::play::{Agreement, PlayShift, PlaySummary};

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
