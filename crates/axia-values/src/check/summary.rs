//! What an instrument consists of.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::text::{is_first_person, reading_grade, words};
use crate::instrument::{Dimension, Instrument, Item, Split};
use crate::stats::mean;

/// Counts and averages of an instrument. Shown as a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Items in all.
    pub items: usize,
    /// Ways of asking each item: instructions × templates.
    pub variants: usize,
    /// Items of each split.
    pub splits: BTreeMap<Split, usize>,
    /// Items of each area of life.
    pub domains: BTreeMap<String, usize>,
    /// Items with a contrast.
    pub contrasts: usize,
    /// Reverse-keyed items.
    pub reversed: usize,
    /// Words in a statement.
    pub words: Range,
    /// Flesch–Kincaid grade of statements.
    pub grade: Range,
    /// Share of statements in the first person, 0 to 1.
    pub first_person: f64,
    /// One row for each dimension.
    pub dimensions: Vec<DimensionSummary>,
}

/// Least, mean and most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Least.
    pub min: f64,
    /// Mean.
    pub mean: f64,
    /// Most.
    pub max: f64,
}

/// Counts and averages of one dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DimensionSummary {
    /// The dimension.
    pub dimension: Dimension,
    /// Items of each facet and split; items without a facet are under the empty name.
    pub facets: BTreeMap<String, BTreeMap<Split, usize>>,
    /// Items of each split.
    pub splits: BTreeMap<Split, usize>,
    /// Mean words in a statement.
    pub words: f64,
    /// Mean Flesch–Kincaid grade of statements.
    pub grade: f64,
    /// Share of statements in the first person, 0 to 1.
    pub first_person: f64,
}

impl Summary {
    pub(super) fn new(instrument: &Instrument) -> Self {
        let items: Vec<&Item> = instrument.items.iter().collect();
        let dimensions = instrument.dimensions().into_iter().map(|dimension| {
            let own = items.iter().copied().filter(|item| item.dimension == dimension);
            DimensionSummary::new(dimension.clone(), &own.collect::<Vec<_>>())
        });
        Self {
            items: items.len(),
            variants: instrument.variants().len(),
            splits: count(items.iter().map(|item| item.split)),
            domains: count(items.iter().filter_map(|item| item.domain.clone())),
            contrasts: items.iter().filter(|item| item.contrast.is_some()).count(),
            reversed: items.iter().filter(|item| item.reversed).count(),
            words: Range::of(items.iter().map(|item| length(item))),
            grade: Range::of(items.iter().map(|item| reading_grade(&item.statement))),
            first_person: first_person(&items),
            dimensions: dimensions.collect(),
        }
    }
}

impl DimensionSummary {
    fn new(dimension: Dimension, items: &[&Item]) -> Self {
        let mut facets: BTreeMap<String, BTreeMap<Split, usize>> = BTreeMap::new();
        for item in items {
            let splits = facets.entry(item.facet.clone().unwrap_or_default()).or_default();
            *splits.entry(item.split).or_default() += 1;
        }
        Self {
            dimension,
            facets,
            splits: count(items.iter().map(|item| item.split)),
            words: average(items.iter().map(|item| length(item))),
            grade: average(items.iter().map(|item| reading_grade(&item.statement))),
            first_person: first_person(items),
        }
    }

    fn in_split(&self, split: Split) -> usize {
        self.splits.get(&split).copied().unwrap_or_default()
    }
}

impl Range {
    pub(super) fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        Self {
            min: values.clone().reduce(f64::min).unwrap_or_default(),
            mean: average(values.clone()),
            max: values.reduce(f64::max).unwrap_or_default(),
        }
    }
}

fn count<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

fn length(item: &Item) -> f64 {
    words(&item.statement).len() as f64
}

fn average(values: impl Iterator<Item = f64>) -> f64 {
    mean(values).unwrap_or_default()
}

fn first_person(items: &[&Item]) -> f64 {
    average(items.iter().map(|item| f64::from(u8::from(is_first_person(&item.statement)))))
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.dimensions.iter().map(|row| row.dimension.label().chars().count());
        let width = labels.max().unwrap_or_default().max("dimension".len());
        writeln!(
            f,
            "{:width$}  facets  train  validation  test  words  grade  first person",
            "dimension"
        )?;
        for row in &self.dimensions {
            writeln!(
                f,
                "{:width$}  {:>6}  {:>5}  {:>10}  {:>4}  {:>5.1}  {:>5.1}  {:>11.0}%",
                row.dimension.label(),
                row.facets.keys().filter(|facet| !facet.is_empty()).count(),
                row.in_split(Split::Train),
                row.in_split(Split::Validation),
                row.in_split(Split::Test),
                row.words,
                row.grade,
                row.first_person * 100.0,
            )?;
        }
        writeln!(
            f,
            "{} items in {} variants, {} with a contrast, {} reverse-keyed, {} areas of life",
            self.items,
            self.variants,
            self.contrasts,
            self.reversed,
            self.domains.len()
        )?;
        writeln!(
            f,
            "statements: {:.0} to {:.0} words (mean {:.1}), school grade {:.1} on average, {:.0}% \
             in the first person",
            self.words.min,
            self.words.max,
            self.words.mean,
            self.grade.mean,
            self.first_person * 100.0
        )
    }
}
