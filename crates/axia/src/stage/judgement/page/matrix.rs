//! The matrix of steered values × values of posts.

use axia_values::judgement::{GainMatrix, GainRow, JudgementShift};
use axia_values::stats::Estimate;
use axia_values::taxonomy::Value;
use serde::Serialize;

use crate::report::ReportError;
use crate::report::figure;
use crate::report::render;
use crate::report::words::{gain_with_interval, p_value};
use crate::stage::judgement::JudgementSummary;

/// Adjusted p-values up to this count as a finding.
const LEVEL: f64 = 0.05;

/// The matrix of a run that steers several targets.
pub(super) fn matrix(judgement: &JudgementSummary) -> Option<String> {
    let shifts: Vec<JudgementShift> =
        judgement.shifts.iter().map(|shift| shift.against_control.clone()).collect();
    // Two steerings of one target cannot be told apart in a matrix.
    let matrix = GainMatrix::refined(&shifts).ok().filter(|matrix| matrix.rows.len() > 1)?;
    Some(figure::matrix(&matrix, &names(&matrix)))
}

fn names(matrix: &GainMatrix) -> Vec<String> {
    matrix.rows.iter().map(name).collect()
}

/// `Power, down`.
fn name(row: &GainRow) -> String {
    let whole = Value::all().find(|value| value.refined() == row.target);
    let target = match whole {
        Some(value) => value.label().to_owned(),
        None if row.target.is_empty() => "nothing".to_owned(),
        None => row.target.iter().map(|value| value.label()).collect::<Vec<_>>().join(" + "),
    };
    format!("{target}, {}", row.direction.slug())
}

#[derive(Debug, Serialize)]
struct Page<'a> {
    title: &'a str,
    finding: String,
    svg: String,
    rows: Vec<Row>,
}

/// What steering one target did to its own posts.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    own: Option<Own>,
}

#[derive(Debug, Serialize)]
struct Own {
    posts: usize,
    weak: bool,
    weighted: String,
    macro_average: String,
    strict: String,
    p: String,
    adjusted_p: Option<String>,
}

/// The page of a matrix over many runs.
///
/// # Errors
/// [`ReportError::Page`] if the template cannot be rendered.
pub(crate) fn matrix_page(matrix: &GainMatrix, title: &str) -> Result<String, ReportError> {
    let page = Page {
        title,
        finding: finding(matrix),
        svg: figure::matrix(matrix, &names(matrix)),
        rows: matrix.rows.iter().map(row).collect(),
    };
    render(&[("matrix.html", include_str!("matrix.html"))], page)
}

fn row(row: &GainRow) -> Row {
    let own = row.on_target.as_ref().map(|own| Own {
        posts: own.full.clusters,
        weak: own.full.underpowered,
        weighted: gain_with_interval(&own.full.weighted),
        macro_average: gain_with_interval(&own.full.macro_average),
        strict: gain_with_interval(&own.strict.weighted),
        p: p_value(own.full.p_positive),
        adjusted_p: row.adjusted_p.map(p_value),
    });
    Row { name: name(row), own }
}

fn finding(matrix: &GainMatrix) -> String {
    let measured: Vec<(&Estimate, f64)> = matrix
        .rows
        .iter()
        .filter_map(|row| Some((&row.on_target.as_ref()?.full.weighted, row.adjusted_p?)))
        .collect();
    let moved = measured.iter().filter(|(gain, p)| *p <= LEVEL && gain.low > 0.0).count();
    let opposite = measured.iter().filter(|(gain, _)| gain.high < 0.0).count();
    format!(
        "Of {} steered targets with posts of their own, {moved} moved the judgement of these posts \
         as predicted (interval above zero, adjusted p at most {LEVEL}), {opposite} against the \
         prediction (interval below zero), and {} show no effect.",
        measured.len(),
        measured.len() - moved - opposite
    )
}
