//! How the adapters were trained.

use axia_engine::train::StopReason;
use serde::Serialize;

use super::cast::Cast;
use super::render::Figure;
use crate::report::figure::{CurveAxes, curves};
use crate::report::words::{count, duration, fixed, grouped};
use crate::study::summary::{RunSummary, TrainingSummary};

/// A row of the table of training runs.
#[derive(Debug, Serialize)]
pub(super) struct TrainingRow {
    respondent: String,
    class: String,
    rows: String,
    steps: String,
    tokens: String,
    unique_tokens: String,
    saving: String,
    parameters: String,
    time: String,
    ended: &'static str,
}

/// The loss of every adapter, on common axes.
pub(super) fn figures(summary: &RunSummary, cast: &Cast<'_>) -> Vec<Figure> {
    let axes = CurveAxes::new(summary.training.iter().map(|training| &training.history));
    let draw = |training: &TrainingSummary| {
        let name = &training.respondent;
        let svg = curves(name, cast.style(name), &training.history, axes)?;
        Some(Figure { svg, title: name.clone() })
    };
    summary.training.iter().filter_map(draw).collect()
}

pub(super) fn rows(summary: &RunSummary, cast: &Cast<'_>) -> Vec<TrainingRow> {
    summary.training.iter().map(|training| row(training, cast)).collect()
}

fn row(training: &TrainingSummary, cast: &Cast<'_>) -> TrainingRow {
    let whole = |number: usize| grouped(number as u64);
    // A run that was stopped before its first step has seen no token.
    let ratio = training.tokens as f64 / training.unique_tokens as f64;
    TrainingRow {
        respondent: training.respondent.clone(),
        class: cast.style(&training.respondent).class(),
        rows: whole(training.rows),
        steps: whole(training.history.steps.len()),
        tokens: whole(training.tokens),
        unique_tokens: whole(training.unique_tokens),
        saving: format!("{}×", fixed(ratio, 1)),
        parameters: count(training.parameters as u64),
        time: duration(training.seconds),
        ended: match training.stopped {
            StopReason::Finished => "all steps taken",
            StopReason::EarlyStopping => "validation loss stopped falling",
        },
    }
}
