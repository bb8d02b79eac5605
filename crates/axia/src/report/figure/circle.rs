//! The value circle: profiles as polygons over the twenty refined values.

use std::f64::consts::PI;

use axia_values::instrument::Dimension;
use axia_values::stats::Estimate;
use axia_values::taxonomy::{HigherValue, RefinedValue, Value};

use super::series::{Goal, Series, union};
use super::svg::Scale;
use super::svg::{Anchor, Point, Svg, pair};
use crate::report::words::signed_to;

const WIDTH: f64 = 780.0;
const HEIGHT: f64 = 636.0;
const CENTRE: Point = (WIDTH / 2.0, HEIGHT / 2.0);
/// Radius of the lowest number: not zero, so that low polygons keep their shape.
const INNER: f64 = 36.0;
/// Radius of the highest number.
const OUTER: f64 = 222.0;
/// The ring of higher-order values.
const RING: (f64, f64) = (OUTER + 10.0, OUTER + 31.0);
const LABELS: f64 = RING.1 + 12.0;
const LINE_HEIGHT: f64 = 15.0;
/// Where the circle starts, in degrees clockwise from the top: it puts the four higher-order
/// values into the corners.
const START: f64 = 22.5;
const STEP: f64 = 18.0;
/// Degrees between respondents on one spoke.
const DODGE: f64 = 2.4;
/// Fewer values than this make no shape.
const MIN_VALUES: usize = 10;

/// Whether these dimensions belong on the circle.
pub(crate) fn is_circular(dimensions: &[Dimension]) -> bool {
    dimensions.len() >= MIN_VALUES
        && dimensions.iter().all(|dimension| refined(dimension).is_some())
}

/// What runs from the centre outwards.
#[derive(Debug, Clone, PartialEq)]
struct Rings {
    ends: (f64, f64),
    /// Where there are rings, with their labels.
    ticks: Vec<(f64, String)>,
    /// A ring that stands out.
    line: Option<f64>,
}

impl Rings {
    fn ratings() -> Self {
        let ticks = (1..=6).map(|rating| (f64::from(rating), rating.to_string()));
        Self { ends: (1.0, 6.0), ticks: ticks.collect(), line: None }
    }

    /// −1 to 1, or half of it where all intervals lie within.
    fn revealed(series: &[Series]) -> Self {
        let ends = series.iter().flat_map(Series::estimates).flat_map(|one| [one.low, one.high]);
        let end =
            if ends.fold(0.0, |most: f64, end| most.max(end.abs())) > 0.5 { 1.0 } else { 0.5 };
        let ticks = [-1.0, -0.5, 0.0, 0.5, 1.0].map(|share| {
            let tick = share * end;
            (tick, signed_to(tick, if share.abs() == 0.5 && end < 1.0 { 2 } else { 1 }))
        });
        Self { ends: (-end, end), ticks: ticks.into(), line: Some(0.0) }
    }

    fn radius(&self, value: f64) -> f64 {
        Scale::new(self.ends, (INNER, OUTER)).clamped(value)
    }
}

/// Draws profiles on the circle, ratings 1 to 6 from the centre outwards. `id` must be unique
/// in the page.
pub(crate) fn circle(id: &str, series: &[Series], goals: &[Goal]) -> String {
    let rings = Rings::ratings();
    let mut svg = ground(id, &rings, series, goals);
    for goal in goals {
        if let Some(value) = refined(&goal.dimension) {
            let at = polar(rings.radius(goal.rating.into()), angle(value));
            let title = format!("{}: steered to {}", value.label(), goal.rating);
            let class = format!("series goal {}", goal.style.class());
            svg.titled(&class, &title, |svg| svg.circle("ring", at, 7.5));
        }
    }
    finish(svg, "Value profiles", series)
}

/// Draws what choices express on the circle, from the centre outwards, with random play as a ring.
/// `id` must be unique in the page.
pub(crate) fn revealed_circle(id: &str, series: &[Series], goals: &[Goal]) -> String {
    let svg = ground(id, &Rings::revealed(series), series, goals);
    finish(svg, "Values revealed in play", series)
}

fn finish(svg: Svg, what: &str, series: &[Series]) -> String {
    let names: Vec<_> = series.iter().map(|one| one.name.as_str()).collect();
    let description = format!("{what} of {} on the circle of values", names.join(", "));
    svg.finish("circle", &description, 580.0)
}

/// The circle with everybody's polygon.
fn ground(id: &str, rings: &Rings, series: &[Series], goals: &[Goal]) -> Svg {
    let mut svg = Svg::new(WIDTH, HEIGHT);
    for higher in HigherValue::ALL {
        sector(&mut svg, id, higher);
    }
    grid(&mut svg, rings);
    let measured = union(series);
    for value in measured.iter().filter_map(refined) {
        label(&mut svg, value, goals);
    }
    for (index, one) in series.iter().enumerate() {
        let dodge = (index as f64 - (series.len() - 1) as f64 / 2.0) * DODGE;
        svg.group(&format!("series {}", one.style.class()), |svg| polygon(svg, rings, one, dodge));
    }
    svg
}

fn refined(dimension: &Dimension) -> Option<RefinedValue> {
    match dimension.value()? {
        Value::Refined(value) => Some(value),
        Value::Basic(_) | Value::Higher(_) => None,
    }
}

fn angle(value: RefinedValue) -> f64 {
    START + STEP * value.position() as f64
}

/// The point at a radius and an angle in degrees clockwise from the top.
fn polar(radius: f64, degrees: f64) -> Point {
    let (sin, cos) = (degrees * PI / 180.0).sin_cos();
    (CENTRE.0 + radius * sin, CENTRE.1 - radius * cos)
}

/// Angles at which a higher-order value starts and ends: in the middle of the border values
/// that it shares with its neighbours, else between values.
fn extent(higher: HigherValue) -> Option<(f64, f64)> {
    let reach = |value: RefinedValue| if value.higher().len() > 1 { 0.0 } else { STEP / 2.0 };
    let (first, last) = (*higher.refined().first()?, *higher.refined().last()?);
    Some((angle(first) - reach(first), angle(last) + reach(last)))
}

/// The higher-order values that colour a refined one.
pub(crate) fn sectors(value: Value) -> Vec<HigherValue> {
    match value {
        Value::Refined(value) => value.higher(),
        Value::Basic(_) | Value::Higher(_) => Vec::new(),
    }
}

/// The class that colours a higher-order value.
pub(crate) const fn sector_class(higher: HigherValue) -> &'static str {
    match higher {
        HigherValue::OpennessToChange => "openness",
        HigherValue::SelfEnhancement => "enhancement",
        HigherValue::Conservation => "conservation",
        HigherValue::SelfTranscendence => "transcendence",
    }
}

fn sector(svg: &mut Svg, id: &str, higher: HigherValue) {
    let Some((from, to)) = extent(higher) else { return };
    let class = sector_class(higher);
    svg.path(&format!("sector {class}"), &annulus((INNER, OUTER), from, to));
    svg.path(&format!("ring {class}"), &annulus(RING, from + 0.35, to - 0.35));
    let middle = (from + to) / 2.0 % 360.0;
    // Below the centre the text runs the other way, so that it is not upside down.
    let d = if (90.0..270.0).contains(&middle) {
        arc(RING.0 + 14.5, to, from)
    } else {
        arc(RING.0 + 6.5, from, to)
    };
    svg.text_on_path("ring-label", &format!("{id}-{class}"), &d, higher.label());
}

/// An arc from one angle to another, clockwise if the second is greater.
fn arc(radius: f64, from: f64, to: f64) -> String {
    format!("M{}{}", pair(polar(radius, from)), arc_to(radius, from, to))
}

fn arc_to(radius: f64, from: f64, to: f64) -> String {
    let large = u8::from((to - from).abs() > 180.0);
    let sweep = u8::from(to > from);
    format!("A{radius} {radius} 0 {large} {sweep} {}", pair(polar(radius, to)))
}

fn annulus((inner, outer): (f64, f64), from: f64, to: f64) -> String {
    let back = arc_to(inner, to, from);
    format!("{}L{}{back}Z", arc(outer, from, to), pair(polar(inner, to)))
}

fn grid(svg: &mut Svg, rings: &Rings) {
    for (tick, _) in &rings.ticks {
        let class = if rings.line == Some(*tick) { "zero-ring" } else { "grid" };
        svg.circle(class, CENTRE, rings.radius(*tick));
    }
    for value in RefinedValue::ALL {
        svg.line("grid", polar(INNER, angle(value)), polar(OUTER, angle(value)));
    }
    for (tick, label) in &rings.ticks {
        let (x, y) = polar(rings.radius(*tick), START - STEP / 2.0);
        svg.text("tick halo", (x, y + 3.5), Anchor::Middle, label);
    }
}

/// The name of a value outside the ring, in two lines where it has two parts; targets stand
/// out and carry an arrow in the colour of whoever was steered on them.
fn label(svg: &mut Svg, value: RefinedValue, goals: &[Goal]) {
    let degrees = angle(value);
    let (sin, cos) = (degrees * PI / 180.0).sin_cos();
    let anchor = match sin {
        s if s > 0.15 => Anchor::Start,
        s if s < -0.15 => Anchor::End,
        _ => Anchor::Middle,
    };
    let own: Vec<_> = goals.iter().filter(|goal| refined(&goal.dimension) == Some(value)).collect();
    let class = if own.is_empty() { "value-label" } else { "value-label target" };
    let lines: Vec<&str> = value.label().split_inclusive(": ").map(str::trim_end).collect();
    let height = lines.len() as f64 * LINE_HEIGHT;
    let (x, y) = polar(LABELS, degrees);
    let top = y - height / 2.0 - cos * height / 2.0;
    for (index, line) in lines.iter().enumerate() {
        let at = (x, top + index as f64 * LINE_HEIGHT + 11.5);
        let mut parts = vec![(String::new(), (*line).to_owned())];
        if index + 1 == lines.len() {
            parts.extend(own.iter().map(|goal| (goal.style.class(), format!(" {}", goal.arrow()))));
        }
        svg.rich_text(class, at, anchor, &parts);
    }
}

fn polygon(svg: &mut Svg, rings: &Rings, series: &Series, dodge: f64) {
    let mut points: Vec<(RefinedValue, &Dimension, &Estimate)> = series
        .dimensions()
        .zip(series.estimates())
        .filter_map(|(dimension, estimate)| Some((refined(dimension)?, dimension, estimate)))
        .collect();
    points.sort_by_key(|(value, ..)| *value);
    let at = |value: RefinedValue, number: f64| polar(rings.radius(number), angle(value) + dodge);
    let outline: Vec<Point> =
        points.iter().map(|(value, _, estimate)| at(*value, estimate.value)).collect();
    svg.polyline("outline", &outline, true);
    for (value, dimension, estimate) in points {
        svg.titled("point", &series.tip(dimension, estimate), |svg| {
            svg.line("whisker", at(value, estimate.low), at(value, estimate.high));
            series.style.mark(svg, at(value, estimate.value), 3.6);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::Style;

    #[test]
    fn sectors_tile_the_circle() {
        let extents: Vec<_> = HigherValue::ALL.into_iter().filter_map(extent).collect();
        for (one, next) in extents.iter().zip(extents.iter().cycle().skip(1)) {
            assert!(((next.0 - one.1).abs() % 360.0).abs() < 1e-9, "{one:?} {next:?}");
        }
        assert_eq!(extents[0], (13.5, 76.5));
    }

    #[test]
    fn ratings_run_outwards() {
        let ratings = Rings::ratings();
        assert_eq!([1.0, 6.0, 9.0].map(|rating| ratings.radius(rating)), [INNER, OUTER, OUTER]);
        let top = polar(100.0, 0.0);
        assert!((top.0 - CENTRE.0).abs() < 1e-9 && (top.1 - (CENTRE.1 - 100.0)).abs() < 1e-9);
        let right = polar(100.0, 90.0);
        assert!((right.0 - CENTRE.0 - 100.0).abs() < 1e-9);
    }

    #[test]
    fn random_play_is_a_ring_in_the_middle() {
        let series = |low, high| {
            let estimate = Estimate { value: 0.1, low, high };
            Series::new("base", Style::BASE, [(&RefinedValue::Face.into(), &estimate)])
        };
        let near = Rings::revealed(&[series(-0.5, 0.2)]);
        assert_eq!((near.ends, near.radius(0.0)), ((-0.5, 0.5), (INNER + OUTER) / 2.0));
        let labels: Vec<&str> = near.ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, ["−0.5", "−0.25", "0.0", "+0.25", "+0.5"]);
        assert_eq!(Rings::revealed(&[series(-0.51, 0.2)]).ends, (-1.0, 1.0));
    }

    #[test]
    fn only_refined_values_make_a_circle() {
        let refined: Vec<Dimension> = RefinedValue::ALL.into_iter().map(Into::into).collect();
        assert!(is_circular(&refined) && !is_circular(&refined[..9]));
        let mut mixed = refined;
        mixed.push(Dimension::Named("Social Boldness".into()));
        assert!(!is_circular(&mixed));
    }
}
