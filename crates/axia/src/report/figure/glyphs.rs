//! Small figures that stand in tiles and table cells.

use super::series::Style;
use super::svg::{Anchor, Scale, Svg, nice_domain};
use crate::report::words::{fixed, percent, with_interval};
use crate::text::shortened;
use axia_values::dilemma::Stance;
use axia_values::instrument::Dimension;
use axia_values::judgement::VerdictProbabilities;
use axia_values::profile::DimensionScore;
use axia_values::stats::Estimate;

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

const GUTTER: f64 = 216.0;
const HEAD: f64 = 46.0;
const ROW: f64 = 22.0;
const CELL: f64 = 74.0;
/// Between respondents.
const GAP: f64 = 14.0;
const NAME_CHARACTERS: usize = 18;
const LABEL_CHARACTERS: usize = 28;

/// Draws a strip of cells: for each respondent the standard deviation over instructions and
/// that over templates. Nothing where none was measured.
pub(crate) fn sensitivity(respondents: &[(&str, &[DimensionScore])]) -> Option<String> {
    let (_, rows) = respondents.iter().max_by_key(|(_, scores)| scores.len())?;
    let all = respondents.iter().flat_map(|(_, scores)| scores.iter());
    let strongest = all
        .flat_map(|score| [score.instruction_sd, score.template_sd])
        .flatten()
        .filter(|sd| sd.is_finite())
        .reduce(f64::max)?;
    let width = GUTTER + respondents.len() as f64 * (2.0 * CELL + GAP);
    let mut svg = Svg::new(width, HEAD + ROW * rows.len() as f64 + 4.0);
    for (index, score) in rows.iter().enumerate() {
        let label = shortened(score.dimension.label(), LABEL_CHARACTERS);
        let at = (GUTTER - 12.0, HEAD + ROW * index as f64 + 15.0);
        svg.text("row-label", at, Anchor::End, &label);
    }
    let dimensions: Vec<_> = rows.iter().map(|score| &score.dimension).collect();
    for (index, (name, scores)) in respondents.iter().enumerate() {
        let left = GUTTER + index as f64 * (2.0 * CELL + GAP);
        columns(&mut svg, left, name, scores, &dimensions, strongest);
    }
    let min_width = width * 0.8;
    Some(svg.finish("sensitivity", "Sensitivity to instruction and template by value", min_width))
}

/// Reads one kind of sensitivity.
type SdOf = fn(&DimensionScore) -> Option<f64>;

fn columns(
    svg: &mut Svg,
    left: f64,
    name: &str,
    scores: &[DimensionScore],
    rows: &[&Dimension],
    strongest: f64,
) {
    let short = shortened(name, NAME_CHARACTERS);
    svg.text("column-label", (left + CELL, 16.0), Anchor::Middle, &short);
    let sds: [SdOf; 2] = [|score| score.instruction_sd, |score| score.template_sd];
    for (column, (kind, sd_of)) in ["instruction", "template"].into_iter().zip(sds).enumerate() {
        let x = left + CELL * column as f64;
        svg.text("tick", (x + CELL / 2.0, 36.0), Anchor::Middle, kind);
        for (row, dimension) in rows.iter().enumerate() {
            let score = scores.iter().find(|score| score.dimension == **dimension);
            let sd = score.and_then(sd_of).filter(|sd| sd.is_finite());
            let corner = (x + 1.0, HEAD + ROW * row as f64 + 1.0);
            cell(svg, corner, sd, strongest, &format!("{} · {name}, {kind}", dimension.label()));
        }
    }
}

fn cell(svg: &mut Svg, corner: (f64, f64), sd: Option<f64>, strongest: f64, title: &str) {
    let text = sd.map_or_else(|| "–".to_owned(), |sd| fixed(sd, 2));
    let share = sd.filter(|_| strongest > 0.0).map_or(0.0, |sd| sd / strongest);
    svg.titled("heat-cell", &format!("{title}: {text}"), |svg| {
        // At full strength the number on it would be hard to read.
        svg.cell("heat", corner, (CELL - 2.0, ROW - 2.0), 0.04 + 0.66 * share);
        let at = (corner.0 + CELL / 2.0 - 1.0, corner.1 + 14.0);
        svg.text("cell-label", at, Anchor::Middle, &text);
    });
}
