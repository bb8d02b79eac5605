//! What is drawn: estimates of one respondent, in its colour and with its mark.

use axia_values::instrument::Dimension;
use axia_values::judgement::ValueGain;
use axia_values::profile::DimensionScore;
use axia_values::rating::Rating;
use axia_values::stats::Estimate;

use super::svg::{Point, Svg, pair};
use crate::report::words::{GAIN_DECIMALS, fixed, interval_to};
use crate::run::Role;

/// Colours for steered respondents; beyond, they repeat.
const STEERED: usize = 5;

/// The look of a respondent: a colour and a mark, so that nothing rests on colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style(usize);

impl Style {
    pub const BASE: Self = Self(0);
    pub const CONTROL: Self = Self(1);
    /// Who is no model: random play, or an oracle.
    pub const LANDMARK: Self = Self(2 + STEERED);
    /// What others published.
    pub const PUBLISHED: Self = Self(3 + STEERED);

    /// The look of the `index`-th steered respondent.
    pub const fn steered(index: usize) -> Self {
        Self(2 + index % STEERED)
    }

    /// The looks of respondents in their order.
    pub fn of(roles: impl IntoIterator<Item = Role>) -> Vec<Self> {
        let mut steered = 0..;
        let style = |role| match role {
            Role::Base => Self::BASE,
            Role::Control => Self::CONTROL,
            Role::Steered => Self::steered(steered.next().unwrap_or(0)),
            Role::Landmark => Self::LANDMARK,
        };
        roles.into_iter().map(style).collect()
    }

    /// The class that the style sheet colours.
    pub fn class(self) -> String {
        format!("s{}", self.0)
    }

    /// Draws the mark around `centre`.
    pub(crate) fn mark(self, svg: &mut Svg, centre: Point, radius: f64) {
        self.outline(
            svg,
            match self {
                Self::CONTROL | Self::PUBLISHED => "mark hollow",
                _ => "mark",
            },
            centre,
            radius,
        );
    }

    /// Draws the mark without its filling.
    pub(crate) fn hollow_mark(self, svg: &mut Svg, centre: Point, radius: f64) {
        self.outline(svg, "mark hollow", centre, radius);
    }

    fn outline(self, svg: &mut Svg, class: &str, centre: Point, radius: f64) {
        let (x, y) = centre;
        let corners = |points: &[Point]| -> String {
            let path: Vec<_> = points.iter().map(|(dx, dy)| pair((x + dx, y + dy))).collect();
            format!("M{}Z", path.join("L"))
        };
        let wide = radius * 1.3;
        match self.0 {
            0 => svg.circle(class, centre, radius * 0.85),
            1 | 2 => svg.circle(class, centre, radius),
            3 => {
                svg.rect(class, (x - radius * 0.9, y - radius * 0.9), (radius * 1.8, radius * 1.8))
            }
            4 => {
                let d = corners(&[(0.0, -wide), (wide, 0.0), (0.0, wide), (-wide, 0.0)]);
                svg.path(class, &d);
            }
            5 => svg.path(class, &corners(&[(0.0, -wide), (wide, radius), (-wide, radius)])),
            6 => svg.path(class, &corners(&[(0.0, wide), (wide, -radius), (-wide, -radius)])),
            7 => {
                let (long, thin) = (wide, radius * 0.4);
                let plus = [
                    (-thin, -long),
                    (thin, -long),
                    (thin, -thin),
                    (long, -thin),
                    (long, thin),
                    (thin, thin),
                    (thin, long),
                    (-thin, long),
                    (-thin, thin),
                    (-long, thin),
                    (-long, -thin),
                    (-thin, -thin),
                ];
                svg.path(class, &corners(&plus));
            }
            _ => {
                let d = corners(&[(0.0, -wide), (wide, 0.0), (0.0, wide), (-wide, 0.0)]);
                svg.path(class, &d);
            }
        }
    }
}

/// Estimates by dimension.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    /// The name in the legend.
    pub name: String,
    /// Its look.
    pub style: Style,
    /// The estimates; all finite.
    points: Vec<(Dimension, Estimate)>,
    /// Dimensions with too few observations for a claim.
    weak: Vec<Dimension>,
    /// With how many decimals numbers are shown.
    pub decimals: usize,
}

impl Series {
    /// Estimates that are not finite are left out.
    pub fn new<'a>(
        name: &str,
        style: Style,
        points: impl IntoIterator<Item = (&'a Dimension, &'a Estimate)>,
    ) -> Self {
        let finite = |estimate: &Estimate| {
            [estimate.value, estimate.low, estimate.high].into_iter().all(f64::is_finite)
        };
        let points = points.into_iter().filter(|(_, estimate)| finite(estimate));
        let points = points.map(|(dimension, estimate)| (dimension.clone(), *estimate)).collect();
        Self { name: name.to_owned(), style, points, weak: Vec::new(), decimals: 2 }
    }

    /// With so many decimals in its numbers.
    pub fn with_decimals(self, decimals: usize) -> Self {
        Self { decimals, ..self }
    }

    /// Mean full gains on the posts of each value.
    pub fn gains(name: &str, style: Style, gains: &[ValueGain]) -> Self {
        let points: Vec<(Dimension, Estimate)> = gains
            .iter()
            .map(|gain| (Dimension::Value(gain.value), gain.gain.full.weighted))
            .collect();
        let weak = gains.iter().filter(|gain| gain.gain.full.underpowered);
        Self {
            weak: weak.map(|gain| Dimension::Value(gain.value)).collect(),
            decimals: GAIN_DECIMALS,
            ..Self::new(
                name,
                style,
                points.iter().map(|(dimension, estimate)| (dimension, estimate)),
            )
        }
    }

    /// Whether there are too few observations on `dimension` for a claim.
    pub fn is_weak(&self, dimension: &Dimension) -> bool {
        self.weak.contains(dimension)
    }

    /// The means of a profile.
    pub fn means(name: &str, style: Style, scores: &[DimensionScore]) -> Self {
        Self::new(name, style, scores.iter().map(|score| (&score.dimension, &score.mean)))
    }

    pub fn get(&self, dimension: &Dimension) -> Option<&Estimate> {
        self.points.iter().find(|(own, _)| own == dimension).map(|(_, estimate)| estimate)
    }

    pub fn dimensions(&self) -> impl Iterator<Item = &Dimension> {
        self.points.iter().map(|(dimension, _)| dimension)
    }

    pub fn estimates(&self) -> impl Iterator<Item = &Estimate> {
        self.points.iter().map(|(_, estimate)| estimate)
    }

    /// What a point says when pointed at.
    pub fn tip(&self, dimension: &Dimension, estimate: &Estimate) -> String {
        let (label, value) = (dimension.label(), fixed(estimate.value, self.decimals));
        let interval = interval_to(estimate, self.decimals);
        let weak = if self.is_weak(dimension) { ", underpowered" } else { "" };
        format!("{label} · {}: {value} {interval}{weak}", self.name)
    }
}

/// A dimension that a respondent was steered on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Goal {
    /// The dimension.
    pub dimension: Dimension,
    /// The rating it was steered to.
    pub rating: Rating,
    /// The look of the respondent.
    pub style: Style,
}

impl Goal {
    /// An arrow head that shows where the goal lies on the scale.
    pub fn arrow(&self) -> &'static str {
        match self.rating {
            Rating::MIN => "▼",
            Rating::MAX => "▲",
            _ => "◆",
        }
    }
}

/// All dimensions of several series, values in circular order first.
pub(crate) fn union(series: &[Series]) -> Vec<Dimension> {
    let all: std::collections::BTreeSet<_> = series.iter().flat_map(Series::dimensions).collect();
    all.into_iter().cloned().collect()
}
