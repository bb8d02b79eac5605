//! The cluster bootstrap.

use crate::random::below;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

/// Settings of a bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootstrapOptions {
    /// How often to resample; 2,000 by default.
    pub resamples: usize,
    /// Coverage of the intervals; 0.95 by default.
    pub level: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for BootstrapOptions {
    fn default() -> Self {
        Self { resamples: 2_000, level: 0.95, seed: 0 }
    }
}

/// A number with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate from the observations themselves.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Estimate {
    /// The percentile interval of bootstrap replicates around an estimate. Replicates that are
    /// not numbers (statistics that a resample left undefined) are ignored; nothing if the
    /// estimate itself is not a number.
    ///
    /// The interval is widened to hold the estimate where skewed replicates would leave it out.
    /// With a single cluster there is nothing to resample, and both ends equal the estimate.
    #[must_use]
    pub fn from_replicates(value: f64, mut replicates: Vec<f64>, level: f64) -> Option<Self> {
        replicates.retain(|replicate| !replicate.is_nan());
        replicates.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - level.clamp(0.0, 1.0)) / 2.0;
        let low = quantile(&replicates, tail).unwrap_or(value);
        let high = quantile(&replicates, 1.0 - tail).unwrap_or(value);
        (!value.is_nan()).then(|| Self { value, low: low.min(value), high: high.max(value) })
    }

    /// Whether the interval is a point other than zero: of a single cluster, or of clusters that are all
    /// alike. It says nothing about how far the estimate can be relied on.
    #[must_use]
    pub fn has_no_width(&self) -> bool {
        self.low == self.high && self.value != 0.0
    }
}

/// The quantile of sorted values, interpolated linearly between neighbours (type 7 of Hyndman
/// and Fan, 1996); nothing for no values.
#[must_use]
pub fn quantile(sorted: &[f64], probability: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = probability.clamp(0.0, 1.0) * last as f64;
    let below = sorted.get(place.floor() as usize)?;
    let above = sorted.get(place.ceil() as usize)?;
    Some(below + (above - below) * place.fract())
}

/// How often one resample drew each cluster and each seed.
#[derive(Debug, Clone, Copy)]
pub struct Draw<'a> {
    /// Times that each cluster was drawn.
    pub clusters: &'a [u32],
    /// Times that each seed was drawn.
    pub seeds: &'a [u32],
}

/// Draws clusters with replacement within strata and, where there are several, seeds with
/// replacement: clusters and seeds are crossed, so that a drawn cluster counts under every
/// drawn seed.
#[derive(Debug, Clone)]
pub struct Resampler {
    strata: Vec<Vec<usize>>,
    draws_strata: bool,
    clusters: usize,
    seeds: usize,
    options: BootstrapOptions,
}

impl Resampler {
    /// A resampler of as many clusters as `stratum_of` has entries. Clusters are drawn from
    /// their own stratum only, so that every stratum keeps its size.
    #[must_use]
    pub fn new(stratum_of: &[usize], seeds: usize, options: BootstrapOptions) -> Self {
        let count = stratum_of.iter().max().map_or(0, |last| last + 1);
        let mut strata = vec![Vec::new(); count];
        for (cluster, &stratum) in stratum_of.iter().enumerate() {
            strata[stratum].push(cluster);
        }
        Self { strata, draws_strata: false, clusters: stratum_of.len(), seeds, options }
    }

    /// The same, but the strata are a sample themselves: each resample draws them with replacement
    /// before it draws clusters within each of those drawn (two-stage bootstrap; Davison and
    /// Hinkley 1997, §3.8).
    #[must_use]
    pub fn nested(stratum_of: &[usize], seeds: usize, options: BootstrapOptions) -> Self {
        Self { draws_strata: true, ..Self::new(stratum_of, seeds, options) }
    }

    /// The observations as they are: everything drawn once.
    pub fn identity<T>(&self, statistic: impl FnOnce(Draw<'_>) -> T) -> T {
        statistic(Draw { clusters: &vec![1; self.clusters], seeds: &vec![1; self.seeds] })
    }

    /// Calls `statistic` once for each resample.
    pub fn each(&self, mut statistic: impl FnMut(Draw<'_>)) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.options.seed);
        let mut clusters = vec![0; self.clusters];
        let mut seeds = vec![0; self.seeds];
        for _ in 0..self.options.resamples {
            clusters.fill(0);
            for place in 0..self.strata.len() {
                let drawn =
                    if self.draws_strata { below(&mut rng, self.strata.len()) } else { place };
                let stratum = &self.strata[drawn];
                for _ in stratum {
                    clusters[stratum[below(&mut rng, stratum.len())]] += 1;
                }
            }
            seeds.fill(0);
            for _ in 0..self.seeds {
                seeds[below(&mut rng, self.seeds)] += 1;
            }
            statistic(Draw { clusters: &clusters, seeds: &seeds });
        }
    }

    /// Estimates several statistics at once from the same resamples. `statistics` returns them
    /// in a fixed order, as NaN where one is undefined; those are `None` in the result.
    #[must_use]
    pub fn estimate(&self, statistics: impl Fn(Draw<'_>) -> Vec<f64>) -> Vec<Option<Estimate>> {
        let values = self.identity(&statistics);
        let mut replicates = vec![Vec::with_capacity(self.options.resamples); values.len()];
        self.each(|draw| {
            for (column, replicate) in replicates.iter_mut().zip(statistics(draw)) {
                column.push(replicate);
            }
        });
        let level = self.options.level;
        let columns = values.into_iter().zip(replicates);
        columns.map(|(value, column)| Estimate::from_replicates(value, column, level)).collect()
    }
}

/// Arithmetic mean; nothing for no values.
pub fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    weighted_mean(values.into_iter().map(|value| (value, 1.0)))
}

/// Mean of `(value, weight)` pairs; nothing if the weights sum to zero.
pub fn weighted_mean(values: impl IntoIterator<Item = (f64, f64)>) -> Option<f64> {
    let (sum, weight) = values
        .into_iter()
        .fold((0.0, 0.0), |(sum, total), (value, weight)| (sum + value * weight, total + weight));
    (weight != 0.0).then(|| sum / weight)
}

/// Standard deviation with n − 1 in the denominator; nothing for fewer than two values.
#[must_use]
pub fn sample_sd(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let centre = mean(values.iter().copied())?;
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_by_hand() {
        let sorted = [1.0, 2.0, 3.0, 5.0];
        assert_eq!(quantile(&sorted, 0.0), Some(1.0));
        assert_eq!(quantile(&sorted, 0.5), Some(2.5));
        assert_eq!(quantile(&sorted, 1.0), Some(5.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn strata_and_seeds_keep_their_sizes() {
        let resampler = Resampler::new(&[0, 1, 0, 1, 1], 3, BootstrapOptions::default());
        let mut varied = false;
        resampler.each(|draw| {
            assert_eq!(draw.clusters[0] + draw.clusters[2], 2);
            assert_eq!(draw.clusters[1] + draw.clusters[3] + draw.clusters[4], 3);
            assert_eq!(draw.seeds.iter().sum::<u32>(), 3);
            varied |= draw.seeds != [1, 1, 1] && draw.clusters != [1; 5];
        });
        assert!(varied);
    }

    #[test]
    fn nested_draws_take_whole_strata() {
        // Two strata of two clusters: a resample has 4 clusters, an even number from each stratum.
        let resampler = Resampler::nested(&[0, 0, 1, 1], 1, BootstrapOptions::default());
        let mut of_first = [0; 3];
        resampler.each(|draw| {
            let first = draw.clusters[0] + draw.clusters[1];
            assert_eq!(first + draw.clusters[2] + draw.clusters[3], 4);
            assert_eq!(first % 2, 0);
            of_first[first as usize / 2] += 1;
        });
        // Neither, one or both draws take the first stratum: 1 : 2 : 1.
        let all: u32 = of_first.iter().sum();
        let share = f64::from(of_first[1]) / f64::from(all);
        assert!((share - 0.5).abs() < 0.05, "{of_first:?}");
    }

    #[test]
    fn undefined_statistics_are_none() {
        let resampler = Resampler::new(&[0, 0], 1, BootstrapOptions::default());
        let estimates = resampler.estimate(|draw| vec![f64::NAN, f64::from(draw.clusters[0])]);
        assert_eq!(estimates[0], None);
        // A cluster of two is drawn 0, 1 or 2 times.
        assert_eq!(estimates[1], Some(Estimate { value: 1.0, low: 0.0, high: 2.0 }));
    }

    #[test]
    fn averages_by_hand() {
        assert_eq!(mean([1.0, 2.0, 6.0]), Some(3.0));
        assert_eq!(mean([]), None);
        assert_eq!(weighted_mean([(1.0, 3.0), (5.0, 1.0)]), Some(2.0));
        assert_eq!(weighted_mean([(1.0, 0.0)]), None);
        assert_eq!(sample_sd(&[2.0, 4.0, 4.0, 6.0]), Some((8.0f64 / 3.0).sqrt()));
        assert_eq!(sample_sd(&[2.0]), None);
    }
}
