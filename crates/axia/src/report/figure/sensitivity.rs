//! Sensitivity: how much the mean of each value depends on how the question was put.

use axia_values::instrument::Dimension;
use axia_values::profile::DimensionScore;

use super::svg::{Anchor, Svg};
use crate::report::words::fixed;
use crate::text::shortened;

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
