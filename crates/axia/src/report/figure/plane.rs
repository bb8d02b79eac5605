//! Points in a plane, with intervals along both axes as crosses.

use axia_values::stats::Estimate;

use super::series::Style;
use super::svg::{Anchor, Point, Svg};
use super::svg::{Scale, nice_domain};
use crate::report::words::fixed;
use crate::text::shortened;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 470.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 48.0;
const TICKS: usize = 7;
const LABEL_CHARACTERS: usize = 32;
/// Width of a character and height of a line, about.
const CHARACTER: f64 = 6.7;
const LINE: f64 = 14.0;
const MARK: f64 = 5.0;
/// Room beside the outermost marks, in parts of an axis.
const MARGIN: f64 = 0.03;
/// What it costs to put a label at a worse place, in covered pixels.
const WORSE: f64 = 14.0;

/// One of the two axes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis<'a> {
    /// What it shows.
    pub label: &'a str,
    /// What it holds at least.
    pub at_least: (f64, f64),
    /// Where there is a line.
    pub line: Option<f64>,
}

/// A point with its intervals.
#[derive(Debug, Clone)]
pub(crate) struct PlanePoint {
    /// What stands beside it; may be empty.
    pub label: String,
    /// What it says when pointed at.
    pub tip: String,
    /// Its look.
    pub style: Style,
    /// Whether the label stands out.
    pub strong: bool,
    /// Along the horizontal axis; without width where no interval is known.
    pub x: Estimate,
    /// Along the vertical axis.
    pub y: Estimate,
}

/// Points in a plane.
pub(crate) struct Plane<'a> {
    /// The horizontal and the vertical axis.
    pub axes: [Axis<'a>; 2],
    /// The points; later ones lie on top, and their labels stand nearest.
    pub points: &'a [PlanePoint],
    /// What the whole shows.
    pub description: &'a str,
}

impl Plane<'_> {
    /// Draws the plane; nothing without points.
    pub fn draw(&self) -> Option<String> {
        let finite = |one: &Estimate| [one.value, one.low, one.high].iter().all(|v| v.is_finite());
        let points: Vec<_> =
            self.points.iter().filter(|point| finite(&point.x) && finite(&point.y)).collect();
        if points.is_empty() {
            return None;
        }
        let [across, up] = self.axes;
        let domain = |axis: Axis<'_>, of: fn(&PlanePoint) -> &Estimate| {
            let ends = points.iter().flat_map(|point| [of(point).low, of(point).high]);
            let (low, high) = ends.fold(axis.at_least, |(a, b), end| (a.min(end), b.max(end)));
            // Marks at the edge need room, unless the axis ends there by nature.
            let room = MARGIN * (high - low);
            let clear = |end: f64, room: f64| if end == 0.0 { 0.0 } else { end + room };
            nice_domain([clear(low, -room), clear(high, room)], axis.at_least, TICKS)
        };
        let x = Scale::new(domain(across, |point| &point.x), (LEFT, WIDTH - RIGHT));
        let y = Scale::new(domain(up, |point| &point.y), (HEIGHT - BOTTOM, TOP));
        let mut svg = Svg::new(WIDTH, HEIGHT);
        self.grid(&mut svg, &x, &y);
        for point in &points {
            draw(&mut svg, point, &x, &y);
        }
        let centre = |point: &PlanePoint| (x.at(point.x.value), y.at(point.y.value));
        let mut taken: Vec<Area> = points.iter().map(|point| Area::mark(centre(point))).collect();
        for point in points.iter().rev().filter(|point| !point.label.is_empty()) {
            label(&mut svg, point, centre(point), &mut taken);
        }
        Some(svg.finish("plane", self.description, 560.0))
    }

    fn grid(&self, svg: &mut Svg, x: &Scale, y: &Scale) {
        let [across, up] = self.axes;
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for tick in x.ticks(TICKS) {
            svg.line("grid", (x.at(tick), TOP), (x.at(tick), bottom + 4.0));
            let text = fixed(tick, x.decimals(TICKS));
            svg.text("tick", (x.at(tick), bottom + 18.0), Anchor::Middle, &text);
        }
        for tick in y.ticks(TICKS) {
            svg.line("grid", (LEFT, y.at(tick)), (right, y.at(tick)));
            let text = fixed(tick, y.decimals(TICKS));
            svg.text("tick", (LEFT - 8.0, y.at(tick) + 4.0), Anchor::End, &text);
        }
        if let Some(line) = across.line {
            svg.line("zero", (x.at(line), TOP), (x.at(line), bottom));
        }
        if let Some(line) = up.line {
            svg.line("zero", (LEFT, y.at(line)), (right, y.at(line)));
        }
        let middle = (LEFT + right) / 2.0;
        svg.text("axis", (middle, bottom + 39.0), Anchor::Middle, &format!("{} →", across.label));
        svg.text("axis", (0.0, 16.0), Anchor::Start, &format!("↑ {}", up.label));
    }
}

fn draw(svg: &mut Svg, point: &PlanePoint, x: &Scale, y: &Scale) {
    let (across, up) = (&point.x, &point.y);
    let class = format!("series point {}", point.style.class());
    svg.titled(&class, &point.tip, |svg| {
        let centre = (x.at(across.value), y.at(up.value));
        if across.low < across.high {
            svg.line("whisker", (x.at(across.low), centre.1), (x.at(across.high), centre.1));
        }
        if up.low < up.high {
            svg.line("whisker", (centre.0, y.at(up.low)), (centre.0, y.at(up.high)));
        }
        point.style.mark(svg, centre, MARK);
    });
}

/// Writes a label where it covers least of what is there.
fn label(svg: &mut Svg, point: &PlanePoint, centre: Point, taken: &mut Vec<Area>) {
    let text = shortened(&point.label, LABEL_CHARACTERS);
    let width = text.chars().count() as f64 * CHARACTER;
    let places = [
        (Anchor::Start, 9.0, 4.0),
        (Anchor::End, -9.0, 4.0),
        (Anchor::Start, 6.0, -8.0),
        (Anchor::Start, 6.0, 16.0),
        (Anchor::End, -6.0, -8.0),
        (Anchor::End, -6.0, 16.0),
        (Anchor::Middle, 0.0, -11.0),
        (Anchor::Middle, 0.0, 20.0),
        (Anchor::Start, 6.0, -22.0),
        (Anchor::Start, 6.0, 30.0),
        (Anchor::End, -6.0, -22.0),
        (Anchor::End, -6.0, 30.0),
    ];
    let cost = |index: usize, place: &(Anchor, f64, f64)| {
        let area = Area::text(*place, centre, width);
        let covered: f64 = taken.iter().map(|other| area.overlap(other)).sum();
        covered + area.outside() + WORSE * index as f64
    };
    let mut costs: Vec<(f64, &(Anchor, f64, f64))> =
        places.iter().enumerate().map(|(index, place)| (cost(index, place), place)).collect();
    costs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let best = costs.first().map(|(_, place)| *place);
    let Some(&(anchor, dx, dy)) = best else { return };
    taken.push(Area::text((anchor, dx, dy), centre, width));
    let weight = if point.strong { " target" } else { "" };
    let class = format!("series point-label halo {}{weight}", point.style.class());
    svg.text(&class, (centre.0 + dx, centre.1 + dy), anchor, &text);
}

/// A part of the figure that something lies on.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Area {
    from: Point,
    to: Point,
}

impl Area {
    fn mark((x, y): Point) -> Self {
        Self { from: (x - MARK - 2.0, y - MARK - 2.0), to: (x + MARK + 2.0, y + MARK + 2.0) }
    }

    fn text((anchor, dx, dy): (Anchor, f64, f64), centre: Point, width: f64) -> Self {
        let (x, base) = (centre.0 + dx, centre.1 + dy);
        let left = match anchor {
            Anchor::Start => x,
            Anchor::Middle => x - width / 2.0,
            Anchor::End => x - width,
        };
        Self { from: (left, base - LINE + 3.0), to: (left + width, base + 3.0) }
    }

    /// How much two have in common.
    fn overlap(&self, other: &Self) -> f64 {
        let shared = |low: f64, high: f64| (high - low).max(0.0);
        shared(self.from.0.max(other.from.0), self.to.0.min(other.to.0))
            * shared(self.from.1.max(other.from.1), self.to.1.min(other.to.1))
    }

    /// How much of it lies outside of the plot, which counts more than covering something.
    fn outside(&self) -> f64 {
        let beyond = (LEFT - self.from.0).max(0.0)
            + (self.to.0 - WIDTH).max(0.0)
            + (TOP - 8.0 - self.from.1).max(0.0)
            + (self.to.1 - (HEIGHT - BOTTOM)).max(0.0);
        beyond * 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(label: &str, (x, y): Point) -> PlanePoint {
        let exact = |value: f64| Estimate { value, low: value, high: value };
        PlanePoint {
            label: label.to_owned(),
            tip: String::new(),
            style: Style::BASE,
            strong: false,
            x: exact(x),
            y: exact(y),
        }
    }

    fn plane(points: &[PlanePoint]) -> Option<String> {
        let axis = Axis { label: "a", at_least: (0.0, 10.0), line: None };
        Plane { axes: [axis, axis], points, description: "d" }.draw()
    }

    #[test]
    fn areas_by_hand() {
        let area = |from, to| Area { from, to };
        let one = area((0.0, 0.0), (10.0, 4.0));
        assert_eq!(one.overlap(&area((8.0, 1.0), (20.0, 3.0))), 4.0);
        assert_eq!(one.overlap(&area((10.0, 0.0), (20.0, 4.0))), 0.0);
        let text = Area::text((Anchor::End, -9.0, 4.0), (100.0, 50.0), 20.0);
        assert_eq!(text, area((71.0, 43.0), (91.0, 57.0)));
    }

    #[test]
    fn labels_of_neighbours_keep_apart() {
        let drawn = plane(&[point("one", (5.0, 5.0)), point("two", (5.1, 5.0))]).unwrap();
        let places: Vec<&str> =
            drawn.split("point-label").skip(1).filter_map(|part| part.split('>').next()).collect();
        assert_eq!(places.len(), 2);
        let anchor = |place: &str| place.split("text-anchor=").nth(1).map(str::to_owned);
        assert_ne!(anchor(places[0]), anchor(places[1]), "{places:?}");
    }

    #[test]
    fn what_is_no_number_is_not_drawn() {
        assert_eq!(plane(&[]), None);
        assert_eq!(plane(&[point("nan", (f64::NAN, 1.0))]), None);
    }
}
