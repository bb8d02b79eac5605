//! Means and deviations of random play, which counts are compared with.

use std::collections::BTreeMap;
use std::path::Path;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::flags::Counts;
use super::flags::{METRICS, Metric};
use crate::annotation::Number;
use crate::error::LoadError;

/// A metric's mean and standard deviation (with n − 1) over random games.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficient {
    /// Mean; NaN where nothing was counted.
    pub mean: f64,
    /// Standard deviation; NaN with fewer than two values.
    pub deviation: f64,
    /// Random games, whether the metric counted in them or not.
    pub samples: u64,
}

/// Coefficients of one game, for the metrics that have them.
#[derive(Debug, Clone, Default)]
pub struct Coefficients([Option<Coefficient>; 22]);

impl Coefficients {
    /// The coefficients of a metric.
    pub fn get(&self, metric: Metric) -> Option<&Coefficient> {
        self.0.get(metric.index())?.as_ref()
    }

    /// Coefficients as the benchmark computes them: over the games in which a metric has a count.
    /// `columns` are metrics that other games have; they become NaN here.
    pub fn upstream(runs: &[Counts], columns: &[Metric]) -> Self {
        let coefficient = |metric: Metric| {
            let values: Vec<f64> =
                runs.iter().filter_map(|run| run.get(metric)).map(Number::to_f64).collect();
            let known = !values.is_empty() || columns.contains(&metric);
            known.then(|| coefficient(&values, runs.len()))
        };
        Self(METRICS.map(coefficient))
    }

    /// Coefficients of all metrics, where no count is zero.
    pub fn dense(runs: &[Counts]) -> Self {
        let coefficient = |metric: Metric| {
            let values: Vec<f64> = runs.iter().map(|run| run.dense(metric)).collect();
            Some(coefficient(&values, runs.len()))
        };
        Self(METRICS.map(coefficient))
    }

    /// Reads one game's coefficients from the benchmark's `normalization_coeffs.json`; `None` if
    /// the file has none for it.
    ///
    /// # Errors
    /// If the file cannot be read or is not of that form.
    pub fn read(path: &Path, game: &str) -> Result<Option<Self>, LoadError> {
        let text = without_nan(&crate::files::read(path)?);
        let mut games: BTreeMap<String, Self> = crate::files::json(path, &text)?;
        Ok(games.remove(game))
    }
}

fn coefficient(values: &[f64], samples: usize) -> Coefficient {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    let deviation = if values.len() < 2 { f64::NAN } else { (squares / (n - 1.0)).sqrt() };
    Coefficient { mean, deviation, samples: samples as u64 }
}

/// Python writes `NaN` into JSON, where it does not belong: here it becomes `null`.
fn without_nan(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut quoted, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if !quoted && let Some(behind) = rest.strip_prefix("NaN") {
            out.push_str("null");
            rest = behind;
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

#[derive(Deserialize)]
struct Recorded {
    #[serde(deserialize_with = "number_or_nan")]
    mean: f64,
    #[serde(deserialize_with = "number_or_nan")]
    stddev: f64,
    n_samples: u64,
}

/// A number, or `null` or a text for one that is not.
fn number_or_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(serde_json::Value::deserialize(deserializer)?.as_f64().unwrap_or(f64::NAN))
}

impl<'de> Deserialize<'de> for Coefficients {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let recorded = BTreeMap::<String, Recorded>::deserialize(deserializer)?;
        let coefficient = |metric: Metric| {
            recorded.get(metric.name()).map(|found| Coefficient {
                mean: found.mean,
                deviation: found.stddev,
                samples: found.n_samples,
            })
        };
        Ok(Self(METRICS.map(coefficient)))
    }
}

impl Serialize for Coefficients {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written {
            mean: Number,
            n_samples: u64,
            stddev: Number,
        }
        let mut map = serializer.serialize_map(None)?;
        for metric in METRICS {
            if let Some(found) = self.get(metric) {
                let written = Written {
                    mean: found.mean.into(),
                    n_samples: found.samples,
                    stddev: found.deviation.into(),
                };
                map.serialize_entry(metric.name(), &written)?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_read_only_where_it_is_a_number() {
        assert_eq!(
            without_nan(r#"{"NaN \" NaN": NaN, "b": [NaN]}"#),
            r#"{"NaN \" NaN": null, "b": [null]}"#
        );
    }

    #[test]
    fn absent_counts_are_left_out_or_zero() {
        let run = |n: i64| {
            let mut table = vec![("game.score".to_owned(), Number::Int(0))];
            if n > 0 {
                table.push(("power.money".to_owned(), Number::Int(n)));
            }
            Counts::from_table(&table)
        };
        let runs = [run(0), run(2), run(4), run(0)];
        let upstream = Coefficients::upstream(&runs, &[Metric::SOCIAL]);
        let money = upstream.get(Metric::MONEY).copied();
        assert_eq!(money.map(|c| (c.mean, c.samples)), Some((3.0, 4)));
        assert!(upstream.get(Metric::SOCIAL).is_some_and(|c| c.mean.is_nan()));
        assert!(upstream.get(Metric::UTILITY).is_none());
        assert_eq!(Coefficients::dense(&runs).get(Metric::MONEY).map(|c| c.mean), Some(1.5));
    }
}
