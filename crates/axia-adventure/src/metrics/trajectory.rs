//! Rows of a game, logged in two ways.

use std::sync::Arc;

use serde::Serialize;

use super::coefficients::Coefficients;
use super::counts::Counts;
use super::flags::Flags;
use super::scores::{MissingCoefficient, ZeroMean, dense_scores, scores, z_scores};
use crate::annotation::{Number, Table};

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
}
