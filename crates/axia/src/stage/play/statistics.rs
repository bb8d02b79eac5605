//! Means over games, with intervals from a bootstrap over games and seeds.

use super::episode::Episode;
use axia_adventure::metrics::{Coefficients, METRICS, Metric};
use axia_values::stats::{BootstrapOptions, Draw, Estimate, Resampler, correlation};
use axia_values::taxonomy::RefinedValue;

/// Measures of a game: the benchmark's metrics, then achievements.
const MEASURES: usize = METRICS.len() + 1;

/// Names of the measures, in the order of the statistics.
pub fn measure_names() -> Vec<&'static str> {
    METRICS.iter().map(|metric| metric.name()).chain(["achievements"]).collect()
}

/// One player's games, as numbers: the measures of every game, and what its choices reveal.
pub struct Numbers {
    /// The game of every episode, as an index.
    games: Vec<usize>,
    /// `[episode][measure]`: percent of random play, but for the score and the achievements.
    measures: Vec<[f64; MEASURES]>,
    /// `[episode][value]`: sum of scores, and decisions.
    revealed: Vec<Vec<(f64, f64)>>,
}

impl Numbers {
    /// The numbers of `episodes`, relative to random play's means on their games.
    pub fn new(episodes: &[Episode], means: &[Coefficients]) -> Self {
        let revealed = |episode: &Episode| {
            let of = |value| episode.revealed.get(&value).copied().unwrap_or_default();
            let pairs = RefinedValue::ALL.iter().map(|&value| of(value));
            pairs.map(|(sum, count)| (sum, count as f64)).collect()
        };
        Self {
            games: episodes.iter().map(|episode| episode.game).collect(),
            measures: episodes.iter().map(|e| measures(e, means.get(e.game))).collect(),
            revealed: episodes.iter().map(revealed).collect(),
        }
    }

    /// The mean of every measure and the revealed score of every value, with episodes weighted as
    /// drawn; undefined ones are NaN.
    fn statistics(&self, weights: &[u32]) -> Vec<f64> {
        let total: f64 = weights.iter().copied().map(f64::from).sum();
        let mut found = vec![0.0; MEASURES];
        let mut sums = vec![(0.0, 0.0); RefinedValue::ALL.len()];
        for ((measures, revealed), &weight) in self.measures.iter().zip(&self.revealed).zip(weights)
        {
            let weight = f64::from(weight);
            for (sum, x) in found.iter_mut().zip(measures) {
                *sum += weight * x / total;
            }
            for (sum, (score, count)) in sums.iter_mut().zip(revealed) {
                sum.0 += weight * score;
                sum.1 += weight * count;
            }
        }
        found.extend(sums.into_iter().map(|(score, count)| score / count));
        found
    }

    /// Estimates for one player: measures, then values.
    pub fn estimates(&self, options: BootstrapOptions) -> Estimates {
        let resampler = Resampler::nested(&self.games, 1, options);
        Estimates(resampler.estimate(|draw| self.statistics(draw.clusters)))
    }
}

/// Measures first, then values; nothing where undefined.
pub struct Estimates(Vec<Option<Estimate>>);

impl Estimates {
    /// The estimates by measure, in the order of [`measure_names`].
    pub fn measures(&self) -> impl Iterator<Item = (&'static str, Option<Estimate>)> {
        measure_names().into_iter().zip(self.0.iter().copied())
    }

    /// The estimates by value, for values that were at stake at all.
    pub fn revealed(&self) -> impl Iterator<Item = (RefinedValue, Option<Estimate>)> {
        let values = self.0.get(MEASURES..).unwrap_or_default();
        RefinedValue::ALL.into_iter().zip(values.iter().copied())
    }
}

/// Differences `steered − control` over pairs of players of several training seeds, game by game
/// and seed by seed: games, their seeds and the training seeds are resampled.
pub fn differences(pairs: &[(&Numbers, &Numbers)], options: BootstrapOptions) -> Estimates {
    let games = pairs.first().map(|(control, _)| control.games.clone()).unwrap_or_default();
    let resampler = Resampler::nested(&games, pairs.len(), options);
    Estimates(resampler.estimate(|draw: Draw| {
        let mut mean = vec![0.0; MEASURES + RefinedValue::ALL.len()];
        let seeds: f64 = draw.seeds.iter().copied().map(f64::from).sum();
        for ((control, steered), &times) in pairs.iter().zip(draw.seeds) {
            if times == 0 {
                continue;
            }
            let before = control.statistics(draw.clusters);
            let after = steered.statistics(draw.clusters);
            for ((sum, before), after) in mean.iter_mut().zip(before).zip(after) {
                *sum += f64::from(times) * (after - before) / seeds;
            }
        }
        mean
    }))
}

/// Pearson's correlation of two shifts over values, with the interval of a bootstrap over values.
pub fn agreement(points: &[(f64, f64)], options: BootstrapOptions) -> Option<Estimate> {
    let resampler = Resampler::new(&vec![0; points.len()], 1, options);
    let estimate = resampler.estimate(|draw| {
        let weighted: Vec<(f64, f64, f64)> = points
            .iter()
            .zip(draw.clusters)
            .map(|(&(x, y), &weight)| (x, y, f64::from(weight)))
            .collect();
        vec![correlation(&weighted).unwrap_or(f64::NAN)]
    });
    estimate.into_iter().next().flatten()
}

/// Percent of random play's mean, 100 where that is 0 (the paper's convention); the score and the
/// achievements as they are.
fn measures(episode: &Episode, means: Option<&Coefficients>) -> [f64; MEASURES] {
    let mut found = [episode.achievements as f64; MEASURES];
    for (slot, (metric, count)) in found.iter_mut().zip(METRICS.into_iter().zip(&episode.counts)) {
        let mean = means.and_then(|means| means.get(metric)).map_or(0.0, |found| found.mean);
        *slot = match (metric, mean) {
            (Metric::SCORE, _) => *count,
            (_, 0.0) => 100.0,
            _ => 100.0 * count / mean,
        };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::play::Decisions;

    fn episode(game: usize, seed: u64, killings: f64, face: (f64, usize)) -> Episode {
        let mut counts = vec![0.0; METRICS.len()];
        counts[0] = 40.0;
        let killing = METRICS.iter().position(|m| m.name() == "violations.killing");
        counts[killing.unwrap_or_default()] = killings;
        let revealed = [(RefinedValue::Face, face)].into();
        Episode { game, seed, counts, achievements: 2, revealed, decisions: Decisions::default() }
    }

    fn value(estimates: &Estimates, name: &str) -> f64 {
        let found = estimates.measures().find(|(measure, _)| *measure == name);
        found.and_then(|(_, estimate)| estimate).map_or(f64::NAN, |estimate| estimate.value)
    }

    /// Random play kills twice a game in the first game, never in the second.
    fn means() -> Vec<Coefficients> {
        let random = |killings: f64| {
            let mut table = vec![("violations.killing".to_owned(), 0.0)];
            table[0].1 = killings;
            let counts: Vec<(String, axia_adventure::annotation::Number)> = table
                .into_iter()
                .map(|(name, n)| (name, axia_adventure::annotation::Number::Float(n)))
                .collect();
            Coefficients::dense(&[axia_adventure::metrics::Counts::from_table(&counts)])
        };
        vec![random(2.0), random(0.0)]
    }

    #[test]
    fn measures_are_relative_to_random_play_of_the_same_game() {
        let episodes = [episode(0, 1, 1.0, (0.5, 1)), episode(1, 1, 3.0, (0.0, 3))];
        let numbers = Numbers::new(&episodes, &means());
        let estimates = numbers.estimates(BootstrapOptions::default());
        // 50 % in the first game; in the second random play's mean is 0, which counts as 100.
        assert_eq!(value(&estimates, "violations.killing"), 75.0);
        assert_eq!(value(&estimates, "game.score"), 40.0);
        assert_eq!(value(&estimates, "achievements"), 2.0);
        let face = estimates.revealed().find(|(v, _)| *v == RefinedValue::Face);
        // Four decisions in all, whose scores sum to 0.5.
        assert_eq!(face.and_then(|(_, e)| e).map(|e| e.value), Some(0.125));
        assert!(estimates.revealed().any(|(v, e)| v == RefinedValue::Hedonism && e.is_none()));
    }

    #[test]
    fn differences_are_paired() {
        let play = |killings: [f64; 4]| {
            let games = [(0, 1), (0, 2), (0, 3), (0, 4)];
            let episodes: Vec<Episode> = games
                .iter()
                .zip(killings)
                .map(|(&(game, seed), k)| episode(game, seed, k, (0.0, 1)))
                .collect();
            Numbers::new(&episodes, &means())
        };
        let control = play([0.0, 2.0, 4.0, 8.0]);
        let steered = play([2.0, 4.0, 6.0, 10.0]);
        let change = differences(&[(&control, &steered)], BootstrapOptions::default());
        let killing = change.measures().find(|(name, _)| *name == "violations.killing");
        let killing = killing.and_then(|(_, estimate)| estimate).unwrap();
        // The games differ much, the differences not at all: the interval is a point.
        assert!((killing.value - 100.0).abs() < 1e-9);
        assert!((killing.low - 100.0).abs() < 1e-9 && (killing.high - 100.0).abs() < 1e-9);
    }

    #[test]
    fn agreement_over_values() {
        let points: Vec<(f64, f64)> = (0..10).map(|i| (f64::from(i), 2.0 * f64::from(i))).collect();
        let found = agreement(&points, BootstrapOptions::default()).unwrap();
        assert!((found.value - 1.0).abs() < 1e-12 && found.low > 0.999);
        assert_eq!(agreement(&[(0.0, 1.0), (0.0, 2.0)], BootstrapOptions::default()), None);
    }
}
