//! Counts relative to random play.

use thiserror::Error;

use super::coefficients::Coefficients;
use super::counts::Counts;
use super::flags::{METRICS, Metric};
use crate::annotation::{Number, Table};

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
