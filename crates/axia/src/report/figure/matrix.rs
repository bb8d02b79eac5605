//! The matrix: what steering each target did to the judgement of the posts of each value.

use axia_values::judgement::{GainCell, GainMatrix};
use axia_values::taxonomy::Value;

use super::circle::{sector_class, sectors};
use super::svg::{Anchor, Point, Svg};
use crate::report::words::{NOTHING, gain, gain_with_interval, posts, signed};
use crate::text::shortened;

const GUTTER: f64 = 222.0;
/// Room for the names of the columns.
const HEAD: f64 = 182.0;
const STRIP: f64 = 4.0;
const CELL: Point = (41.0, 28.0);
const FOOT: f64 = 62.0;
const LABEL_CHARACTERS: usize = 33;
const MIN_WIDTH: f64 = 760.0;
/// Gains below this are faint even where none is larger.
const FAINT: f64 = 0.05;
/// Cells that explain the colours.
const SAMPLES: [f64; 7] = [-1.0, -0.66, -0.33, 0.0, 0.33, 0.66, 1.0];

/// Draws the matrix, its rows under the given names, blue for a gain and orange for a loss.
pub(crate) fn matrix(matrix: &GainMatrix, names: &[String]) -> String {
    let cells = || matrix.rows.iter().flat_map(|row| row.cells.iter().flatten());
    let sizes = cells().map(|cell| cell.gain.value.abs()).filter(|size| size.is_finite());
    let strongest = sizes.fold(FAINT, f64::max);
    let bottom = HEAD + CELL.1 * matrix.rows.len() as f64;
    let right = (GUTTER + CELL.0 * matrix.columns.len() as f64).max(GUTTER + 460.0);
    let mut svg = Svg::new(right + 4.0, bottom + FOOT);
    for (column, value) in matrix.columns.iter().enumerate() {
        head(&mut svg, GUTTER + CELL.0 * column as f64, *value);
    }
    for (index, (row, name)) in matrix.rows.iter().zip(names).enumerate() {
        let top = HEAD + CELL.1 * index as f64;
        let at = (GUTTER - 12.0, top + CELL.1 / 2.0 + 4.5);
        svg.titled("label", name, |svg| {
            svg.text("row-label", at, Anchor::End, &shortened(name, LABEL_CHARACTERS));
        });
        for (column, (value, cell)) in matrix.columns.iter().zip(&row.cells).enumerate() {
            let corner = (GUTTER + CELL.0 * column as f64, top);
            draw(&mut svg, corner, cell.as_ref(), strongest, &tip(name, *value, cell.as_ref()));
        }
    }
    legend(&mut svg, bottom + 18.0, strongest, cells().any(|cell| cell.underpowered));
    let description = "Mean probability gain by steered value and value of the posts";
    svg.finish("matrix", description, MIN_WIDTH.min(right))
}

fn head(svg: &mut Svg, left: f64, value: Value) {
    let at = (left + CELL.0 / 2.0 + 4.5, HEAD - STRIP - 12.0);
    svg.upward_text("column-label", at, value.label());
    let higher = sectors(value);
    let part = (CELL.0 - 1.0) / higher.len().max(1) as f64;
    for (index, higher) in higher.into_iter().enumerate() {
        let class = format!("strip {}", sector_class(higher));
        svg.rect(&class, (left + part * index as f64, HEAD - STRIP - 3.0), (part, STRIP));
    }
}

fn tip(name: &str, value: Value, cell: Option<&GainCell>) -> String {
    let place = format!("{name} · posts about {}", value.label());
    let Some(cell) = cell else { return format!("{place}: none") };
    let own = if cell.on_target { ", the target’s own" } else { "" };
    let weak = if cell.underpowered { ", underpowered" } else { "" };
    let (full, strict) = (gain_with_interval(&cell.gain), gain_with_interval(&cell.strict));
    format!("{place}: {full}, strict {strict}, {}{own}{weak}", posts(cell.posts))
}

fn draw(svg: &mut Svg, corner: Point, cell: Option<&GainCell>, strongest: f64, tip: &str) {
    let centre = (corner.0 + CELL.0 / 2.0 - 0.5, corner.1 + CELL.1 / 2.0 + 2.0);
    svg.titled("gain-cell", tip, |svg| {
        let Some(cell) = cell.filter(|cell| cell.gain.value.is_finite()) else {
            svg.text("tick", centre, Anchor::Middle, NOTHING);
            return;
        };
        ground(svg, corner, cell.gain.value / strongest);
        if cell.on_target {
            let size = (CELL.0 - 3.0, CELL.1 - 3.0);
            svg.rect("own", (corner.0 + 1.0, corner.1 + 1.0), size);
        }
        if cell.underpowered {
            weak(svg, corner);
        }
        svg.text("cell-label", centre, Anchor::Middle, &signed(cell.gain.value));
    });
}

/// The colour of a cell; `share` is −1 for the greatest loss, 1 for the greatest gain.
fn ground(svg: &mut Svg, corner: Point, share: f64) {
    let class = if share < 0.0 { "away" } else { "toward" };
    // At full strength the number on it would be hard to read.
    svg.cell(class, corner, (CELL.0 - 1.0, CELL.1 - 1.0), 0.04 + 0.66 * share.abs());
}

fn weak(svg: &mut Svg, corner: Point) {
    svg.circle("weak", (corner.0 + CELL.0 / 2.0 - 0.5, corner.1 + CELL.1 - 6.5), 1.7);
}

fn legend(svg: &mut Svg, top: f64, strongest: f64, any_weak: bool) {
    for (index, share) in SAMPLES.into_iter().enumerate() {
        let corner = (GUTTER + CELL.0 * index as f64, top);
        ground(svg, corner, share);
        if [0, SAMPLES.len() / 2, SAMPLES.len() - 1].contains(&index) {
            let at = (corner.0 + CELL.0 / 2.0, top + CELL.1 + 13.0);
            svg.text("tick", at, Anchor::Middle, &gain(share * strongest));
        }
    }
    let left = GUTTER + CELL.0 * (SAMPLES.len() as f64 + 0.5);
    let line = |row: f64| (left + 22.0, top + 10.0 + 19.0 * row);
    svg.rect("own", (left, top), (14.0, 12.0));
    svg.text("tick", line(0.0), Anchor::Start, "posts of the target");
    if any_weak {
        svg.circle("weak", (left + 7.0, top + 25.0), 1.7);
        svg.text("tick", line(1.0), Anchor::Start, "fewer than 30 posts");
    }
}
