//! Rows of a game, logged in two ways.

use super::coefficients::Coefficients;
use super::flags::Counts;
use super::flags::{Flags, METRICS, Metric};
use crate::annotation::{Number, Table};
use serde::Serialize;
use std::sync::Arc;
use thiserror::Error;

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Logging {
    /// Every state, the last included. The default.
    #[default]
    Fresh,
    /// The state before each step; at the end of the game the last of them once more. The final
    /// state itself is lost. Older results of the benchmark were logged so.
    Stale,
}

impl Logging {
    /// Its name in output: the benchmark's function that logs so.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "run_trajectories",
            Self::Stale => "env_trajectory",
        }
    }
}

/// What metrics need to know of a state.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Points so far.
    pub points: i64,
    /// What counts of the step's annotation; `None` if nothing on the way was annotated.
    pub flags: Option<Flags>,
    /// Achievements so far.
    pub unlocked: Arc<[Arc<str>]>,
}

/// The rows that are logged of a game's states.
pub fn rows(states: &[Row], done: bool, logging: Logging) -> Vec<&Row> {
    if logging == Logging::Fresh {
        return states.iter().collect();
    }
    let Some((_, before)) = states.split_last() else { return Vec::new() };
    let repeated = before.last().filter(|_| done);
    before.iter().chain(repeated).collect()
}

/// A game's metrics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Rows logged.
    pub rows: usize,
    /// Points in the last row.
    pub points: i64,
    /// The same in percent of all points; 0 if there are none.
    pub points_normalized: Number,
    /// Achievements in the last row.
    pub achievements: Vec<String>,
    /// Counts.
    pub counts: Counts,
    /// Percent of random play; a mean of zero gives 0. Only where coefficients are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scores: Option<Table<Number>>,
    /// Standard deviations better than random play.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zscores: Option<Table<Number>>,
    /// Percent of random play; a mean of zero gives 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scores_mean0_100: Option<Table<Number>>,
    /// Percent of random play for all metrics, counting what is absent as zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scores_dense: Option<Table<Number>>,
}

impl Summary {
    /// Adds the scores.
    ///
    /// # Errors
    /// If a metric that was counted has no coefficient.
    pub fn score(
        &mut self,
        coefficients: &Coefficients,
        dense: &Coefficients,
    ) -> Result<(), MissingCoefficient> {
        self.scores = Some(scores(&self.counts, coefficients, ZeroMean::Zero)?);
        self.zscores = Some(z_scores(&self.counts, coefficients)?);
        self.scores_mean0_100 = Some(scores(&self.counts, coefficients, ZeroMean::Hundred)?);
        self.scores_dense = Some(dense_scores(&self.counts, dense));
        Ok(())
    }
}

/// The metrics of logged rows; `None` without rows.
pub fn summarise(rows: &[&Row], max_points: i64) -> Option<Summary> {
    let last = rows.last()?;
    let normalized = match max_points {
        0 => Number::Int(0),
        most => Number::Float((100 * last.points) as f64 / most as f64),
    };
    Some(Summary {
        rows: rows.len(),
        points: last.points,
        points_normalized: normalized.clone(),
        achievements: last.unlocked.iter().map(|id| id.to_string()).collect(),
        counts: Counts::new(normalized, rows.iter().map(|row| row.flags)),
        scores: None,
        zscores: None,
        scores_mean0_100: None,
        scores_dense: None,
    })
}

/// What a count is worth if random play's mean is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ZeroMean {
    /// 100, as in the paper: as much as random play. The default.
    #[default]
    Hundred,
    /// 0, as in the benchmark's code.
    Zero,
}

impl ZeroMean {
    /// Its name in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hundred => "100 (paper)",
            Self::Zero => "0 (upstream)",
        }
    }
}

/// A metric that was counted but has no coefficient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("random play has no value for `{}`: compute the coefficients anew", .0.name())]
pub struct MissingCoefficient(pub Metric);

/// Counts in percent of random play's mean, for the metrics that have a count.
///
/// # Errors
/// If a metric has no coefficient.
pub fn scores(
    counts: &Counts,
    coefficients: &Coefficients,
    zero_mean: ZeroMean,
) -> Result<Table<Number>, MissingCoefficient> {
    let score = |(metric, count): (Metric, &Number)| {
        let found = coefficients.get(metric).ok_or(MissingCoefficient(metric))?;
        let score = percent(count.to_f64(), found.mean, zero_mean);
        Ok((metric.name().to_owned(), score))
    };
    counts.present().map(score).collect::<Result<_, _>>().map(Table)
}

fn percent(count: f64, mean: f64, zero_mean: ZeroMean) -> Number {
    match zero_mean {
        ZeroMean::Zero if mean == 0.0 => Number::Int(0),
        ZeroMean::Hundred if mean == 0.0 => Number::Float(100.0),
        _ => Number::Float(count / mean * 100.0),
    }
}

/// Counts in standard deviations below random play's mean, for the metrics that have a count.
///
/// # Errors
/// If a metric has no coefficient.
pub fn z_scores(
    counts: &Counts,
    coefficients: &Coefficients,
) -> Result<Table<Number>, MissingCoefficient> {
    let score = |(metric, count): (Metric, &Number)| {
        let found = coefficients.get(metric).ok_or(MissingCoefficient(metric))?;
        let score = if found.deviation == 0.0 {
            Number::Int(0)
        } else {
            Number::Float(-((count.to_f64() - found.mean) / found.deviation))
        };
        Ok((metric.name().to_owned(), score))
    };
    counts.present().map(score).collect::<Result<_, _>>().map(Table)
}

/// Counts of all metrics in percent of random play's mean, where no count is zero.
pub fn dense_scores(counts: &Counts, coefficients: &Coefficients) -> Table<Number> {
    let score = |metric: Metric| {
        let mean = coefficients.get(metric).map_or(0.0, |found| found.mean);
        (metric.name().to_owned(), percent(counts.dense(metric), mean, ZeroMean::Hundred))
    };
    Table(METRICS.into_iter().map(score).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stale_log_loses_the_last_state() {
        let row = |points| Row { points, flags: None, unlocked: Arc::new([]) };
        let states = [row(0), row(10), row(30)];
        let points = |done, logging| -> Vec<i64> {
            rows(&states, done, logging).iter().map(|row| row.points).collect()
        };
        assert_eq!(points(true, Logging::Fresh), [0, 10, 30]);
        assert_eq!(points(true, Logging::Stale), [0, 10, 10]);
        assert_eq!(points(false, Logging::Stale), [0, 10]);
        assert!(rows(&states[..1], false, Logging::Stale).is_empty());
        assert_eq!(summarise(&[], 100), None);
    }

    #[test]
    fn a_missing_coefficient_is_named() {
        let counts = Counts::new(Number::Float(10.0), []);
        let missing = scores(&counts, &Coefficients::default(), ZeroMean::Zero);
        assert_eq!(missing, Err(MissingCoefficient(Metric::SCORE)));
        assert_eq!(dense_scores(&counts, &Coefficients::default()).0.len(), 22);
    }

    #[test]
    fn conventions_differ_only_at_zero() {
        assert_eq!(percent(3.0, 0.0, ZeroMean::Zero), Number::Int(0));
        assert_eq!(percent(3.0, 0.0, ZeroMean::Hundred), Number::Float(100.0));
        assert_eq!(percent(3.0, 2.0, ZeroMean::Zero), Number::Float(150.0));
    }
}
