//! Leakage: how far from the target the other values moved.

use axia_values::shift::Leakage;

use super::series::Style;
use super::svg::{Anchor, Svg};
use super::svg::{Scale, nice_domain};
use crate::report::words::{fixed, signed_with_interval};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 50.0;
const TICKS: usize = 5;
const DODGE: f64 = 11.0;

/// The leakage of one steered respondent.
pub(crate) struct LeakageSeries<'a> {
    /// The name in the legend.
    pub name: &'a str,
    /// Its look.
    pub style: Style,
    /// Shifts by distance.
    pub points: &'a [Leakage],
}

/// Draws mean signed shifts by steps on the circle; nothing where none were measured.
pub(crate) fn leakage(series: &[LeakageSeries<'_>]) -> Option<String> {
    let points = || series.iter().flat_map(|one| one.points);
    let furthest = points().map(|point| point.distance).max()?;
    let ends = points().flat_map(|point| [point.shift.low, point.shift.high]);
    let domain = nice_domain(ends, (-0.25, 0.25), TICKS);
    let y = Scale::new(domain, (HEIGHT - BOTTOM, TOP));
    let x = Scale::new((0.5, furthest as f64 + 0.5), (LEFT, WIDTH - RIGHT));
    let mut svg = Svg::new(WIDTH, HEIGHT);
    axes(&mut svg, &x, &y, furthest);
    for (index, one) in series.iter().enumerate() {
        let dodge = (index as f64 - (series.len() - 1) as f64 / 2.0) * DODGE;
        svg.group(&format!("series {}", one.style.class()), |svg| {
            draw(svg, one, |distance| x.at(distance as f64) + dodge, &y);
        });
    }
    Some(svg.finish("leakage", "Mean shift of the other values by distance from the target", 560.0))
}

fn axes(svg: &mut Svg, x: &Scale, y: &Scale, furthest: usize) {
    let decimals = y.decimals(TICKS);
    for tick in y.ticks(TICKS) {
        let class = if tick == 0.0 { "zero" } else { "grid" };
        svg.line(class, (LEFT, y.at(tick)), (WIDTH - RIGHT, y.at(tick)));
        let at = (LEFT - 8.0, y.at(tick) + 4.0);
        svg.text("tick", at, Anchor::End, &fixed(tick, decimals));
    }
    let bottom = HEIGHT - BOTTOM;
    for distance in 1..=furthest {
        let at = (x.at(distance as f64), bottom + 20.0);
        svg.text("tick", at, Anchor::Middle, &distance.to_string());
    }
    svg.text("tick", (LEFT, bottom + 41.0), Anchor::Start, "← neighbours of the target");
    svg.text("tick", (WIDTH - RIGHT, bottom + 41.0), Anchor::End, "opposite values →");
    let middle = ((LEFT + WIDTH - RIGHT) / 2.0, bottom + 41.0);
    svg.text("axis", middle, Anchor::Middle, "steps on the circle of values");
}

fn draw(svg: &mut Svg, series: &LeakageSeries<'_>, x: impl Fn(usize) -> f64, y: &Scale) {
    let finite: Vec<_> = series
        .points
        .iter()
        .filter(|point| {
            [point.shift.value, point.shift.low, point.shift.high].iter().all(|v| v.is_finite())
        })
        .collect();
    let line: Vec<_> =
        finite.iter().map(|point| (x(point.distance), y.at(point.shift.value))).collect();
    svg.polyline("link", &line, false);
    for point in finite {
        let tip = format!(
            "{} · distance {} ({} values): {}",
            series.name,
            point.distance,
            point.values,
            signed_with_interval(&point.shift)
        );
        let x = x(point.distance);
        svg.titled("point", &tip, |svg| {
            svg.line("whisker", (x, y.at(point.shift.low)), (x, y.at(point.shift.high)));
            series.style.mark(svg, (x, y.at(point.shift.value)), 4.2);
        });
    }
}
