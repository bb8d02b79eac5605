//! Observations in clusters, groups and seeds, and the summary of their mean.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{BootstrapOptions, Draw, Estimate, Resampler, mean};

/// Fewer clusters than this make a cell underpowered.
pub const MIN_EXAMPLES: usize = 30;

/// Whether a cell of so many examples is too small for a claim.
#[must_use]
pub const fn underpowered(examples: usize) -> bool {
    examples < MIN_EXAMPLES
}

/// What a bootstrap holds fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strata {
    /// Nothing: all clusters are drawn together. For collections in which group sizes are
    /// themselves a matter of chance.
    #[default]
    Pooled,
    /// The number of clusters in each group. For designs with so many items a value. A cluster
    /// that lies in several groups is drawn with the first.
    Groups,
}

/// Observations, each belonging to a group (such as a value), a cluster (the source item that
/// it comes from) and a seed.
///
/// Clusters are resampled whole: all observations of one item, or of one post that occurs under
/// two values, stay together.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// (cluster, seed, group) → sum of values and number of observations.
    cells: BTreeMap<(String, u64, String), (f64, f64)>,
}

/// The mean of a [`Sample`] with interval and test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleSummary {
    /// Clusters (source items), the unit of sample size.
    pub clusters: usize,
    /// Observations.
    pub observations: usize,
    /// Seeds.
    pub seeds: usize,
    /// Mean over all observations: groups weigh by their size.
    pub weighted: Estimate,
    /// Mean of the groups' means: every group weighs the same.
    pub macro_average: Estimate,
    /// One-sided bootstrap p-value of the hypothesis that the weighted mean is at most zero.
    pub p_positive: f64,
    /// Whether there are fewer than [`MIN_EXAMPLES`] clusters.
    pub underpowered: bool,
}

/// A cell by number instead of by name.
struct Cell {
    cluster: usize,
    seed: usize,
    group: usize,
    sum: f64,
    count: f64,
}

impl Sample {
    /// An empty sample.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an observation.
    pub fn add(&mut self, group: &str, cluster: &str, seed: u64, value: f64) {
        let key = (cluster.to_owned(), seed, group.to_owned());
        let (sum, count) = self.cells.entry(key).or_default();
        *sum += value;
        *count += 1.0;
    }

    /// Means with percentile intervals and the test for a mean above zero; nothing for a sample
    /// without observations.
    ///
    /// The test is the bootstrap of Efron and Tibshirani (1993, §16.4): replicates are centred
    /// on zero, and p = (1 + number of centred replicates ≥ mean) / (1 + resamples). With fewer
    /// than two clusters p is 1, since nothing can be inferred.
    #[must_use]
    pub fn summarise(&self, strata: Strata, options: BootstrapOptions) -> Option<SampleSummary> {
        let (cells, clusters, seeds, groups) = self.numbered();
        let stratum_of = match strata {
            Strata::Pooled => vec![0; clusters],
            Strata::Groups => first_groups(&cells, clusters),
        };
        let resampler = Resampler::new(&stratum_of, seeds, options);
        let (weighted, macro_average) = resampler.identity(|draw| means(&cells, groups, draw));
        let mut replicates = (Vec::new(), Vec::new());
        resampler.each(|draw| {
            let (weighted, macro_average) = means(&cells, groups, draw);
            replicates.0.push(weighted);
            replicates.1.push(macro_average);
        });
        let p_positive = if clusters < 2 { 1.0 } else { p_positive(weighted, &replicates.0) };
        Some(SampleSummary {
            clusters,
            observations: cells.iter().map(|cell| cell.count).sum::<f64>() as usize,
            seeds,
            weighted: Estimate::from_replicates(weighted, replicates.0, options.level)?,
            macro_average: Estimate::from_replicates(macro_average, replicates.1, options.level)?,
            p_positive,
            underpowered: underpowered(clusters),
        })
    }

    /// Cells by number, and the numbers of clusters, seeds and groups.
    fn numbered(&self) -> (Vec<Cell>, usize, usize, usize) {
        let clusters = numbers(self.cells.keys().map(|(cluster, _, _)| cluster));
        let seeds = numbers(self.cells.keys().map(|(_, seed, _)| seed));
        let groups = numbers(self.cells.keys().map(|(_, _, group)| group));
        let cells = self.cells.iter().map(|((cluster, seed, group), &(sum, count))| Cell {
            cluster: clusters[cluster],
            seed: seeds[seed],
            group: groups[group],
            sum,
            count,
        });
        (cells.collect(), clusters.len(), seeds.len(), groups.len())
    }
}

fn numbers<'a, K: Ord>(keys: impl Iterator<Item = &'a K>) -> BTreeMap<&'a K, usize> {
    let distinct: BTreeSet<&K> = keys.collect();
    distinct.into_iter().enumerate().map(|(number, key)| (key, number)).collect()
}

fn first_groups(cells: &[Cell], clusters: usize) -> Vec<usize> {
    let mut first = vec![usize::MAX; clusters];
    for cell in cells {
        first[cell.cluster] = first[cell.cluster].min(cell.group);
    }
    first
}

/// Weighted and macro mean of a resample, NaN where it has no observations.
fn means(cells: &[Cell], groups: usize, draw: Draw<'_>) -> (f64, f64) {
    let mut sums = vec![(0.0, 0.0); groups];
    for cell in cells {
        let times = f64::from(draw.clusters[cell.cluster] * draw.seeds[cell.seed]);
        sums[cell.group].0 += times * cell.sum;
        sums[cell.group].1 += times * cell.count;
    }
    let sum: f64 = sums.iter().map(|(sum, _)| sum).sum();
    let count: f64 = sums.iter().map(|(_, count)| count).sum();
    let present = sums.iter().filter(|(_, count)| *count > 0.0);
    let macro_average = mean(present.map(|(sum, count)| sum / count));
    (sum / count, macro_average.unwrap_or(f64::NAN))
}

fn p_positive(value: f64, replicates: &[f64]) -> f64 {
    let defined = replicates.iter().filter(|replicate| !replicate.is_nan());
    let (extreme, all) = defined.fold((0usize, 0usize), |(extreme, all), replicate| {
        (extreme + usize::from(replicate - value >= value), all + 1)
    });
    (1 + extreme) as f64 / (1 + all) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(rows: &[(&str, &str, u64, f64)]) -> Sample {
        let mut sample = Sample::new();
        for &(group, cluster, seed, value) in rows {
            sample.add(group, cluster, seed, value);
        }
        sample
    }

    fn summary(sample: &Sample, strata: Strata) -> SampleSummary {
        sample.summarise(strata, BootstrapOptions::default()).unwrap()
    }

    #[test]
    fn means_by_hand() {
        let sample = sample(&[
            ("a", "1", 0, 1.0),
            ("a", "2", 0, 3.0),
            ("a", "3", 0, 5.0),
            ("b", "4", 0, 11.0),
        ]);
        let summary = summary(&sample, Strata::Pooled);
        assert_eq!((summary.clusters, summary.observations, summary.seeds), (4, 4, 1));
        assert_eq!(summary.weighted.value, 5.0);
        assert_eq!(summary.macro_average.value, 7.0);
        assert!(summary.underpowered);
    }

    #[test]
    fn the_interval_is_that_of_the_clusters_not_of_the_observations() {
        // Ten equal observations of each of two clusters: the mean of a resample is 0, 1/2 or 1.
        let mut few = Sample::new();
        for _ in 0..10 {
            few.add("a", "x", 0, 0.0);
            few.add("a", "y", 0, 1.0);
        }
        let summary = summary(&few, Strata::Pooled);
        assert_eq!(summary.weighted, Estimate { value: 0.5, low: 0.0, high: 1.0 });
    }

    #[test]
    fn the_interval_agrees_with_the_normal_one() {
        let mut sample = Sample::new();
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 20)).collect();
        for (index, &value) in values.iter().enumerate() {
            sample.add("a", &index.to_string(), 0, value);
        }
        let error = crate::stats::sample_sd(&values).unwrap() / 20.0;
        let summary = summary(&sample, Strata::Pooled);
        assert!((summary.weighted.low - (9.5 - 1.96 * error)).abs() < 0.1 * error * 1.96);
        assert!((summary.weighted.high - (9.5 + 1.96 * error)).abs() < 0.1 * error * 1.96);
    }

    #[test]
    fn seeds_widen_the_interval() {
        let rows: Vec<(String, u64, f64)> = (0..40)
            .flat_map(|item| (0..3).map(move |seed| (item.to_string(), seed, seed as f64)))
            .collect();
        let mut crossed = Sample::new();
        let mut pooled = Sample::new();
        for (item, seed, value) in &rows {
            crossed.add("a", item, *seed, *value);
            pooled.add("a", item, 0, *value);
        }
        let width = |sample: &Sample| {
            let estimate = summary(sample, Strata::Pooled).weighted;
            estimate.high - estimate.low
        };
        assert!(width(&pooled) < 1e-9);
        assert!(width(&crossed) > 1.0);
    }

    #[test]
    fn strata_hold_group_sizes_fixed() {
        // Without variation within groups, only the groups' sizes can vary.
        let rows: Vec<_> = (0..20).map(|i| (if i < 5 { "a" } else { "b" }, i)).collect();
        let mut sample = Sample::new();
        for (group, index) in rows {
            let value = if group == "a" { 0.0 } else { 1.0 };
            sample.add(group, &index.to_string(), 0, value);
        }
        let fixed = summary(&sample, Strata::Groups).weighted;
        assert_eq!((fixed.low, fixed.high), (0.75, 0.75));
        let pooled = summary(&sample, Strata::Pooled).weighted;
        assert!(pooled.low < 0.6 && pooled.high > 0.85);
    }

    #[test]
    fn a_cluster_in_two_groups_is_drawn_once() {
        // The post's two observations cancel, so the mean is zero in every resample.
        let sample = sample(&[
            ("a", "1", 0, 1.0),
            ("b", "1", 0, -1.0),
            ("a", "2", 0, 2.0),
            ("b", "2", 0, -2.0),
        ]);
        for strata in [Strata::Pooled, Strata::Groups] {
            let weighted = summary(&sample, strata).weighted;
            assert_eq!((weighted.low, weighted.high), (0.0, 0.0));
        }
    }

    #[test]
    fn the_test_tells_positive_from_none() {
        let mut positive = Sample::new();
        let mut none = Sample::new();
        let mut negative = Sample::new();
        for index in 0..60 {
            let noise = f64::from(index % 7) - 3.0;
            positive.add("a", &index.to_string(), 0, 2.0 + noise);
            none.add("a", &index.to_string(), 0, if index % 2 == 0 { 1.0 } else { -1.0 });
            negative.add("a", &index.to_string(), 0, noise - 2.0);
        }
        let p = |sample: &Sample| summary(sample, Strata::Pooled).p_positive;
        assert_eq!(p(&positive), 1.0 / 2001.0);
        assert!((0.4..0.65).contains(&p(&none)), "{}", p(&none));
        assert!(p(&negative) > 0.999);
        assert_eq!(p(&sample(&[("a", "1", 0, 9.0)])), 1.0);
        assert_eq!(p(&sample(&[("a", "1", 0, 0.0), ("a", "2", 0, 0.0)])), 1.0);
    }

    #[test]
    fn thirty_examples_are_enough() {
        assert!(underpowered(29) && !underpowered(30));
        assert!(Sample::new().summarise(Strata::Pooled, BootstrapOptions::default()).is_none());
        assert!(Sample::new().summarise(Strata::Groups, BootstrapOptions::default()).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn order_does_not_matter_and_the_interval_holds_the_estimate(
            rows in prop::collection::vec((0..3u8, 0..8u8, 0..2u64, -5.0..5.0f64), 1..40),
            level in 0.5..0.99f64,
        ) {
            let options = BootstrapOptions { resamples: 200, level, seed: 3 };
            let build = |rows: &mut dyn Iterator<Item = &(u8, u8, u64, f64)>| {
                let mut sample = Sample::new();
                for (group, cluster, seed, value) in rows {
                    sample.add(&group.to_string(), &cluster.to_string(), *seed, *value);
                }
                sample.summarise(Strata::Pooled, options).unwrap()
            };
            let forward = build(&mut rows.iter());
            let backward = build(&mut rows.iter().rev());
            for (a, b) in [
                (forward.weighted, backward.weighted),
                (forward.macro_average, backward.macro_average),
            ] {
                prop_assert!((a.value - b.value).abs() < 1e-9);
                prop_assert!((a.low - b.low).abs() < 1e-9 && (a.high - b.high).abs() < 1e-9);
                prop_assert!(a.low <= a.value && a.value <= a.high);
            }
        }

        #[test]
        fn intervals_move_and_stretch_with_the_data(
            values in prop::collection::vec(-5.0..5.0f64, 2..20),
            shift in -3.0..3.0f64,
        ) {
            let interval = |map: &dyn Fn(f64) -> f64| {
                let mut sample = Sample::new();
                for (index, &value) in values.iter().enumerate() {
                    sample.add("a", &index.to_string(), 0, map(value));
                }
                summary(&sample, Strata::Pooled).weighted
            };
            let plain = interval(&|value| value);
            let moved = interval(&|value| 2.0 * value + shift);
            prop_assert!((moved.low - (2.0 * plain.low + shift)).abs() < 1e-9);
            prop_assert!((moved.high - (2.0 * plain.high + shift)).abs() < 1e-9);
        }
    }
}
