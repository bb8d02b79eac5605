//! Small figures that stand in tiles and table cells.

use axia_values::dilemma::Stance;
use axia_values::judgement::VerdictProbabilities;
use axia_values::stats::Estimate;

use super::scale::{Scale, nice_domain};
use super::series::Style;
use super::svg::{Anchor, Svg};
use crate::report::words::{percent, with_interval};

/// An interval on a line with a mark at zero, on a common axis with others.
pub(crate) fn interval_glyph(estimate: &Estimate, all: &[Estimate], style: Style) -> String {
    let ends = all.iter().flat_map(|estimate| [estimate.low, estimate.high]);
    let scale = Scale::new(nice_domain(ends, (0.0, 0.1), 8), (6.0, 174.0));
    let mut svg = Svg::new(180.0, 18.0);
    svg.line("grid", (0.0, 9.0), (180.0, 9.0));
    svg.line("zero", (scale.at(0.0), 1.0), (scale.at(0.0), 17.0));
    svg.group(&style.class(), |svg| {
        svg.line("whisker", (scale.at(estimate.low), 9.0), (scale.at(estimate.high), 9.0));
        style.mark(svg, (scale.at(estimate.value), 9.0), 4.5);
    });
    svg.finish("glyph", &with_interval(estimate), 0.0)
}

/// The probabilities of the ratings 1 to 6 as six bars.
pub(crate) fn rating_bars(probabilities: &[f64; 6], style: Style) -> String {
    const HEIGHT: f64 = 24.0;
    const BAR: f64 = 10.0;
    let mut svg = Svg::new(71.0, HEIGHT + 2.0);
    let class = style.class();
    svg.group(&class, |svg| {
        for (index, probability) in probabilities.iter().enumerate() {
            let x = index as f64 * (BAR + 2.2);
            let share = if probability.is_finite() { probability.clamp(0.0, 1.0) } else { 0.0 };
            svg.rect("bar-ground", (x, 0.0), (BAR, HEIGHT));
            svg.rect("bar", (x, HEIGHT * (1.0 - share)), (BAR, HEIGHT * share));
        }
    });
    svg.line("bar-base", (0.0, HEIGHT + 0.5), (71.0, HEIGHT + 0.5));
    let percents: Vec<String> = (1..=6)
        .zip(probabilities)
        .map(|(rating, probability)| format!("{rating}: {:.0} %", probability * 100.0))
        .collect();
    svg.finish("bars", &format!("Probabilities of the ratings {}", percents.join(", ")), 0.0)
}

/// The probabilities of the three verdicts as one bar in three parts.
pub(crate) fn verdict_bar(probabilities: &VerdictProbabilities, width: f64) -> String {
    const HEIGHT: f64 = 20.0;
    /// Pixels that a name needs.
    const NAME: f64 = 46.0;
    let mut svg = Svg::new(width, HEIGHT);
    let mut left = 0.0;
    for stance in Stance::ALL {
        let part = width * probabilities.probability(stance);
        svg.group(verdict_class(stance), |svg| {
            svg.rect("verdict-part", (left, 0.0), (part, HEIGHT));
            if part >= NAME {
                let at = (left + part / 2.0, HEIGHT / 2.0 + 4.0);
                svg.text("verdict-name", at, Anchor::Middle, stance.label());
            }
        });
        left += part;
    }
    let shares = Stance::ALL
        .map(|stance| format!("{} {}", stance.label(), percent(probabilities.probability(stance))));
    svg.finish("verdict-bar", &shares.join(", "), width * 0.6)
}

/// The class that colours a verdict.
const fn verdict_class(stance: Stance) -> &'static str {
    match stance {
        Stance::Nta => "nta",
        Stance::Yta => "yta",
        Stance::Neutral => "neutral",
    }
}

/// The mark of a respondent, for legends.
pub(crate) fn swatch(style: Style) -> String {
    let mut svg = Svg::new(26.0, 14.0);
    svg.group(&style.class(), |svg| {
        svg.line("outline", (1.0, 7.0), (25.0, 7.0));
        style.mark(svg, (13.0, 7.0), 4.2);
    });
    svg.finish("swatch", "", 0.0)
}
