//! Dots with intervals, one row for each dimension: ratings, shifts, probability gains, harms.

use super::circle::{sector_class, sectors};
use super::series::{Goal, Series, Style, union};
use super::svg::{Anchor, Svg};
use super::svg::{Scale, nice_domain};
use crate::report::words::{fixed, interval_to, signed_to};
use crate::text::shortened;
use axia_values::instrument::Dimension;
use axia_values::judgement::JudgementShift;
use axia_values::shift::{Comparison, ValueShift};
use axia_values::stats::Estimate;

const GUTTER: f64 = 222.0;
/// Room for the numbers to the right: at least for so many characters, each so wide, and a margin.
const CHARACTERS: usize = 20;
const CHARACTER: f64 = 7.0;
const MARGIN: f64 = 10.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;
const TICKS: usize = 6;
const MIN_WIDTH: f64 = 740.0;
const LABEL_CHARACTERS: usize = 28;

/// A plot of estimates by dimension.
pub(crate) struct Intervals<'a> {
    /// What is drawn, from top to bottom within a row.
    pub series: &'a [Series],
    /// Drawn faintly, and not listed in numbers.
    pub faint: Option<&'a Series>,
    /// Ends of the axis.
    pub domain: (f64, f64),
    /// Whether numbers carry their sign and goals are reached from zero.
    pub signed: bool,
    /// Where there is a line: nothing lies to either side of it.
    pub line: Option<f64>,
    /// Where the targets were to go, on the axis.
    pub goals: &'a [(Goal, f64)],
    /// What else is shaded as a target.
    pub targets: &'a [Dimension],
    /// Whether the numbers stand to the right of the plot.
    pub numbers: bool,
    /// What the axis shows.
    pub axis: &'a str,
    /// What the whole shows.
    pub description: &'a str,
    /// Width of the plot without labels and numbers.
    pub width: f64,
}

impl Intervals<'_> {
    pub fn draw(&self) -> String {
        let dimensions = union(self.series);
        let row = (self.step() * self.series.len() as f64 + 10.0).max(24.0);
        let bottom = TOP + row * dimensions.len() as f64;
        let right = GUTTER + self.width;
        let scale = Scale::new(self.domain, (GUTTER, right));
        let width = right + self.room();
        let mut svg = Svg::new(width, bottom + BOTTOM);
        for (index, dimension) in dimensions.iter().enumerate() {
            self.background(&mut svg, dimension, TOP + row * index as f64, row, width);
        }
        self.axis(&mut svg, &scale, bottom);
        for (index, dimension) in dimensions.iter().enumerate() {
            self.row(&mut svg, &scale, dimension, TOP + row * index as f64, row);
        }
        svg.finish("intervals", self.description, width.min(MIN_WIDTH))
    }

    /// Pixels to the right of the plot.
    fn room(&self) -> f64 {
        if !self.numbers {
            return 14.0;
        }
        let numbers = self.series.iter().flat_map(|series| {
            series.estimates().map(|estimate| self.number(estimate, series.decimals))
        });
        let longest = numbers.map(|number| number.chars().count()).max().unwrap_or(0);
        longest.max(CHARACTERS) as f64 * CHARACTER + MARGIN
    }

    /// Pixels between the series of a row: enough for their numbers where these are shown.
    const fn step(&self) -> f64 {
        if self.numbers { 15.0 } else { 11.0 }
    }

    /// Where a series lies, from the middle of its row.
    fn offset(&self, index: usize) -> f64 {
        (index as f64 - (self.series.len() as f64 - 1.0) / 2.0) * self.step()
    }

    fn goals_of(&self, dimension: &Dimension) -> impl Iterator<Item = &(Goal, f64)> {
        self.goals.iter().filter(move |(goal, _)| goal.dimension == *dimension)
    }

    /// The label, the colours of the higher-order values, and a band behind targets.
    fn background(&self, svg: &mut Svg, dimension: &Dimension, top: f64, row: f64, right: f64) {
        let has_goal = self.goals_of(dimension).next().is_some();
        let is_target = has_goal || self.targets.contains(dimension);
        if is_target {
            svg.rect("band", (0.0, top), (right, row));
        }
        let higher = dimension.value().map(sectors).unwrap_or_default();
        let part = row / higher.len().max(1) as f64;
        for (index, higher) in higher.into_iter().enumerate() {
            let class = format!("strip {}", sector_class(higher));
            svg.rect(&class, (GUTTER - 9.0, top + part * index as f64), (4.0, part));
        }
        let class = if is_target { "row-label target" } else { "row-label" };
        let label = shortened(dimension.label(), LABEL_CHARACTERS);
        svg.titled("label", dimension.label(), |svg| {
            svg.text(class, (GUTTER - 17.0, top + row / 2.0 + 4.5), Anchor::End, &label);
        });
    }

    fn axis(&self, svg: &mut Svg, scale: &Scale, bottom: f64) {
        let decimals = scale.decimals(TICKS);
        for tick in scale.ticks(TICKS) {
            let x = scale.at(tick);
            svg.line("grid", (x, TOP), (x, bottom + 4.0));
            svg.text("tick", (x, bottom + 18.0), Anchor::Middle, &fixed(tick, decimals));
        }
        if let Some(x) = self.line.map(|line| scale.at(line)) {
            svg.line("zero", (x, TOP), (x, bottom + 4.0));
        }
        let middle = (scale.at(self.domain.0) + scale.at(self.domain.1)) / 2.0;
        svg.text("axis", (middle, bottom + 37.0), Anchor::Middle, self.axis);
    }

    fn row(&self, svg: &mut Svg, scale: &Scale, dimension: &Dimension, top: f64, row: f64) {
        let middle = top + row / 2.0;
        for (goal, at) in self.goals_of(dimension) {
            let own = self.series.iter().position(|series| series.style == goal.style);
            self.goal(svg, scale, goal, *at, middle + own.map_or(0.0, |index| self.offset(index)));
        }
        if let Some((series, estimate)) = point(self.faint, dimension) {
            dot(svg, scale, series, dimension, estimate, middle + 6.0, true);
        }
        for (index, series) in self.series.iter().enumerate() {
            let Some((series, estimate)) = point(Some(series), dimension) else { continue };
            let y = middle + self.offset(index);
            dot(svg, scale, series, dimension, estimate, y, false);
            if self.numbers {
                let x = scale.at(self.domain.1) + self.room() - 8.0;
                // One series needs no colour to tell whose numbers these are.
                let class = match self.series {
                    [_] => "number".to_owned(),
                    _ => format!("number {}", series.style.class()),
                };
                let number = self.number(estimate, series.decimals);
                svg.text(&class, (x, y + 4.0), Anchor::End, &number);
            }
        }
    }

    /// A thin arrow from zero to the goal, or to the edge where the goal lies beyond.
    fn goal(&self, svg: &mut Svg, scale: &Scale, goal: &Goal, at: f64, y: f64) {
        let (start, end) = (scale.clamped(0.0), scale.clamped(at));
        let title = format!("{}: steered to {}", goal.dimension.label(), goal.rating);
        svg.titled(&format!("goal {}", goal.style.class()), &title, |svg| {
            if !self.signed {
                svg.circle("ring", (end, y), 7.0);
                return;
            }
            let direction = (end - start).signum();
            svg.line("arrow", (start, y), (end - direction * 5.0, y));
            svg.polyline(
                "head",
                &[(end - direction * 7.0, y - 4.0), (end, y), (end - direction * 7.0, y + 4.0)],
                true,
            );
        });
    }

    fn number(&self, estimate: &Estimate, decimals: usize) -> String {
        let show = if self.signed { signed_to } else { fixed };
        let value = show(estimate.value, decimals);
        format!("{value} {}", interval_to(estimate, decimals))
    }
}

fn point<'a>(
    series: Option<&'a Series>,
    dimension: &Dimension,
) -> Option<(&'a Series, &'a Estimate)> {
    series.and_then(|series| Some((series, series.get(dimension)?)))
}

fn dot(
    svg: &mut Svg,
    scale: &Scale,
    series: &Series,
    dimension: &Dimension,
    estimate: &Estimate,
    y: f64,
    faint: bool,
) {
    let faintness = if faint { " faint" } else { "" };
    let class = format!("series point {}{faintness}", series.style.class());
    svg.titled(&class, &series.tip(dimension, estimate), |svg| {
        svg.line("whisker", (scale.clamped(estimate.low), y), (scale.clamped(estimate.high), y));
        let radius = if faint { 2.6 } else { 4.2 };
        let centre = (scale.clamped(estimate.value), y);
        if series.is_weak(dimension) {
            series.style.hollow_mark(svg, centre, radius);
        } else {
            series.style.mark(svg, centre, radius);
        }
    });
}

/// Mean ratings on a line from 1 to 6, for instruments that do not measure the circle's values.
pub(crate) fn ratings(series: &[Series], goals: &[Goal]) -> String {
    let goals: Vec<_> = goals.iter().map(|goal| (goal.clone(), f64::from(goal.rating))).collect();
    Intervals {
        series,
        faint: None,
        domain: (1.0, 6.0),
        signed: false,
        line: None,
        goals: &goals,
        targets: &[],
        numbers: series.len() == 1,
        axis: "mean rating (1 to 6)",
        description: "Mean ratings by dimension",
        width: 520.0,
    }
    .draw()
}

/// The control's look, for the drift that is drawn faintly.
pub(crate) const DRIFT: Style = Style::CONTROL;

/// Shifts of one steered respondent, or of the same one in several runs.
pub(crate) struct Shifts<'a> {
    /// The shifts, each with its look.
    pub series: &'a [Series],
    /// Control against base, drawn faintly.
    pub drift: Option<&'a Comparison>,
    /// The targets, each with the shift that would have reached the goal.
    pub goals: &'a [(Goal, f64)],
    /// The axis' ends, so that several panels compare.
    pub domain: (f64, f64),
    /// What the axis shows.
    pub axis: &'a str,
    /// What the whole shows.
    pub description: &'a str,
}

impl Shifts<'_> {
    /// Draws the panel.
    pub fn draw(&self) -> String {
        let drift = self.drift.map(|drift| shift_series("control − base", DRIFT, &drift.values));
        Intervals {
            series: self.series,
            faint: drift.as_ref(),
            domain: self.domain,
            signed: true,
            line: Some(0.0),
            goals: self.goals,
            targets: &[],
            numbers: true,
            axis: self.axis,
            description: self.description,
            width: 560.0,
        }
        .draw()
    }
}

/// A comparison's shifts as a series.
pub(crate) fn shift_series(
    name: &str,
    style: super::series::Style,
    values: &[ValueShift],
) -> Series {
    Series::new(name, style, values.iter().map(|value| (&value.dimension, &value.shift)))
}

/// One axis for several panels.
pub(crate) fn shift_domain<'a>(
    comparisons: impl IntoIterator<Item = &'a Comparison>,
) -> (f64, f64) {
    let values = comparisons.into_iter().flat_map(|comparison| &comparison.values);
    let ends = values.flat_map(|value| [value.shift.low, value.shift.high]);
    nice_domain(ends, (-0.5, 0.5), 12)
}

/// Random play, in percent of itself.
const RANDOM: f64 = 100.0;

/// Draws harms in percent of random play, which is a line.
pub(crate) fn harms(series: &[Series]) -> String {
    Intervals {
        series,
        faint: None,
        domain: nice_domain(ends(series), (RANDOM - 20.0, RANDOM + 20.0), 10),
        signed: false,
        line: Some(RANDOM),
        goals: &[],
        targets: &[],
        numbers: true,
        axis: "percent of random play",
        description: "Harms in percent of random play",
        width: 500.0,
    }
    .draw()
}

/// Draws what choices express, from −1 to 1, where that is known of too few values for a circle.
pub(crate) fn revealed(series: &[Series], targets: &[Dimension]) -> String {
    Intervals {
        series,
        faint: None,
        domain: (-1.0, 1.0),
        signed: true,
        line: Some(0.0),
        goals: &[],
        targets,
        numbers: true,
        axis: "revealed score (0: random play)",
        description: "Values revealed in play",
        width: 500.0,
    }
    .draw()
}

fn ends(series: &[Series]) -> impl Iterator<Item = f64> {
    series.iter().flat_map(Series::estimates).flat_map(|estimate| [estimate.low, estimate.high])
}

/// What steering did to the judgement of the posts of each refined value.
pub(crate) struct Gains<'a> {
    /// The steered respondent.
    pub name: &'a str,
    /// Its look.
    pub style: Style,
    /// Against the control.
    pub against_control: &'a JudgementShift,
    /// Against the base, drawn faintly.
    pub against_base: &'a JudgementShift,
    /// The axis' ends, so that several panels compare.
    pub domain: (f64, f64),
}

impl Gains<'_> {
    /// Draws the panel.
    pub fn draw(&self) -> String {
        let control = &self.against_control;
        let targets: Vec<Dimension> = control.target.iter().map(|&value| value.into()).collect();
        let base = Series::gains("against the base", Style::BASE, &self.against_base.refined);
        Intervals {
            series: &[Series::gains(self.name, self.style, &control.refined)],
            faint: Some(&base),
            domain: self.domain,
            signed: true,
            line: Some(0.0),
            goals: &[],
            targets: &targets,
            numbers: true,
            axis: "probability gain: steered − control",
            description: &format!("Probability gain on the posts of every value for {}", self.name),
            width: 540.0,
        }
        .draw()
    }
}

/// One axis for several panels.
pub(crate) fn gain_domain<'a>(shifts: impl IntoIterator<Item = &'a JudgementShift>) -> (f64, f64) {
    let gains = shifts.into_iter().flat_map(|shift| &shift.refined);
    let ends = gains.flat_map(|gain| [gain.gain.full.weighted.low, gain.gain.full.weighted.high]);
    nice_domain(ends, (-0.02, 0.02), 12)
}
