//! Counts over the rows of a game.

use serde::{Serialize, Serializer};

use super::flags::{Flags, METRICS, Metric};
use crate::annotation::{Number, Table};

/// Counts of one game. A metric that never counted may be absent, as in the benchmark: absent is
/// not zero there.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    counts: [Option<Number>; 22],
}

impl Counts {
    /// Counts what the rows' annotations are worth; `None` for a row without one.
    pub fn new(score: Number, rows: impl IntoIterator<Item = Option<Flags>>) -> Self {
        let mut counts = [None; 22];
        for flags in rows.into_iter().flatten() {
            for metric in METRICS.into_iter().filter(|metric| metric.is_violation()) {
                counts[metric.index()].get_or_insert(0);
            }
            for (metric, count) in flags.counts() {
                *counts[metric.index()].get_or_insert(0) += count as i64;
            }
        }
        let mut counts = counts.map(|count| count.map(Number::Int));
        counts[Metric::SCORE.index()] = Some(score);
        Self { counts }
    }

    /// Counts from a table of them.
    pub fn from_table(table: &[(String, Number)]) -> Self {
        let find = |metric: Metric| {
            table.iter().find(|(name, _)| name == metric.name()).map(|(_, number)| number.clone())
        };
        Self { counts: METRICS.map(find) }
    }

    /// The count of a metric, if it has one.
    pub fn get(&self, metric: Metric) -> Option<&Number> {
        self.counts.get(metric.index())?.as_ref()
    }

    /// The count of a metric; 0 if it has none.
    pub fn dense(&self, metric: Metric) -> f64 {
        self.get(metric).map_or(0.0, Number::to_f64)
    }

    /// The metrics that have a count, in the order of their names.
    pub fn present(&self) -> impl Iterator<Item = (Metric, &Number)> {
        METRICS.into_iter().filter_map(|metric| Some((metric, self.get(metric)?)))
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let table = self.present().map(|(metric, n)| (metric.name().to_owned(), n.clone()));
        Table(table.collect()).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_are_present_once_anything_is_annotated() {
        let none = Counts::new(Number::Int(0), [None, None]);
        assert_eq!(none.present().count(), 1);
        let some = Counts::new(Number::Float(10.0), [None, Some(Flags::default())]);
        assert_eq!(some.present().count(), 15);
        assert_eq!(some.get(Metric::POWER), None);
        assert_eq!(some.dense(Metric::POWER), 0.0);
        let json = serde_json::to_string(&some).unwrap_or_default();
        assert!(json.starts_with(r#"{"game.score":10.0,"violations.deception":0,"#), "{json}");
    }
}
