//! The shift of one or several training runs.

use super::pairs::{Change, Layout};
use super::{
    Averages, Comparison, DomainShift, Headroom, Leakage, MeanSd, Repetitions, ShiftError,
    ShiftRun, ValueShift,
};
use crate::profile::{ItemScore, Scores};
use crate::stats::{BootstrapOptions, Draw, Estimate, Resampler, mean, sample_sd};
use crate::target::Target;
use std::collections::BTreeSet;

impl DomainShift {
    /// Measures what steering to `target` changed. Give one run for each training seed, with
    /// scores of held-out items only (see [`Scores::split`]).
    ///
    /// Intervals come from a paired bootstrap of items within dimensions: all variants,
    /// repetitions and respondents of an item stay together. With several runs, seeds are
    /// resampled as well.
    ///
    /// # Errors
    /// [`ShiftError`] for scores that cannot be compared, or if the target was not measured.
    pub fn new(
        runs: &[ShiftRun<'_>],
        target: &Target,
        options: BootstrapOptions,
    ) -> Result<Self, ShiftError> {
        check_seeds(runs)?;
        let layout = Layout::new(runs, target)?;
        let readout = runs.first().ok_or(ShiftError::NoRuns)?.control.readout;
        let compare = |before: &Respondent, after: &Respondent| {
            let pair = |run| Some((before(run)?, after(run)?));
            let pairs: Option<Vec<_>> = runs.iter().map(pair).collect();
            pairs.and_then(|pairs| compare(&layout, &pairs, options))
        };
        let base: &Respondent = &|run| run.base;
        let control: &Respondent = &|run| Some(run.control);
        let steered: &Respondent = &|run| Some(run.steered);
        let against_control: Comparison = compare(control, steered).ok_or_else(|| {
            ShiftError::NotMeasured { target: target.name.clone(), measured: Vec::new() }
        })?;
        Ok(Self {
            format_version: Self::FORMAT_VERSION,
            target: target.name.clone(),
            readout,
            seeds: runs.iter().map(|run| run.seed).collect(),
            items: layout.items.len(),
            against_base: compare(base, steered),
            control_drift: compare(base, control),
            against_control,
            excluded: layout.excluded,
        })
    }
}

/// Picks one respondent of a run.
type Respondent = dyn for<'a> Fn(&ShiftRun<'a>) -> Option<&'a Scores>;

fn check_seeds(runs: &[ShiftRun<'_>]) -> Result<(), ShiftError> {
    let mut seen = BTreeSet::new();
    let with_base = runs.iter().any(|run| run.base.is_some());
    for run in runs {
        if !seen.insert(run.seed) {
            return Err(ShiftError::DuplicateSeed { seed: run.seed });
        }
        if with_base && run.base.is_none() {
            return Err(ShiftError::BaseMissing { seed: run.seed });
        }
    }
    Ok(())
}

/// Target drop, fluctuation and selectivity, each as macro and micro average, then the headroom and
/// the share of it that the drop took (macro averages); NaN where undefined.
type Headline = [f64; HEADLINE];
const HEADLINE: usize = 8;

/// Compares `(before, after)` in each run.
pub(super) fn compare(
    layout: &Layout,
    pairs: &[(&Scores, &Scores)],
    options: BootstrapOptions,
) -> Option<Comparison> {
    let changes = layout.changes(pairs, |score| score.mean);
    let resampler = Resampler::new(&layout.dimension_of, pairs.len(), options);
    let estimates = resampler.estimate(|draw| statistics(layout, &sums(layout, &changes, draw)));
    let (headline, rest) = estimates.split_at(HEADLINE);
    let (values, leakage) = rest.split_at(layout.dimensions.len());
    let averages = |place: usize| {
        Some(Averages { macro_average: headline[place]?, micro_average: headline[place + 1]? })
    };
    Some(Comparison {
        target_drop: averages(0)?,
        fluctuation: averages(2),
        selectivity: averages(4),
        headroom: headline[6].zip(headline[7]).map(|(points, share)| Headroom { points, share }),
        values: value_shifts(layout, values),
        leakage: leakages(layout, leakage),
        repetitions: repetitions(layout, pairs),
    })
}

/// The changes of each dimension, summed over a resample.
fn sums(layout: &Layout, changes: &[Vec<Change>], draw: Draw<'_>) -> Vec<Change> {
    let mut sums = vec![Change::default(); layout.dimensions.len()];
    let items = changes.iter().zip(&layout.dimension_of).zip(draw.clusters);
    for ((runs, &dimension), &times) in items.filter(|(_, times)| **times > 0) {
        for (&change, &seed_times) in runs.iter().zip(draw.seeds) {
            sums[dimension].add(change, f64::from(times * seed_times));
        }
    }
    sums
}

/// The headline, the signed shift of each dimension, and that of each distance.
fn statistics(layout: &Layout, sums: &[Change]) -> Vec<f64> {
    let shifts: Vec<f64> = sums.iter().map(|sum| sum.signed / sum.count).collect();
    let leakage = layout.distances().into_iter().map(|distance| {
        let at = others_at(layout, distance).map(|index| shifts[index]);
        mean(at).unwrap_or(f64::NAN)
    });
    let headline = headline(layout, sums);
    headline.into_iter().chain(shifts.iter().copied()).chain(leakage).collect()
}

fn headline(layout: &Layout, sums: &[Change]) -> Headline {
    let axes = || layout.dimensions.iter().zip(sums).filter(|(_, sum)| sum.count > 0.0);
    let targets = || axes().filter(|(axis, _)| axis.goal.is_some()).map(|(_, sum)| sum);
    let others = || axes().filter(|(axis, _)| axis.goal.is_none()).map(|(_, sum)| sum);
    let drop_macro = mean(targets().map(|sum| sum.gain / sum.count)).unwrap_or(f64::NAN);
    let headroom = mean(targets().map(|sum| sum.headroom / sum.count)).unwrap_or(f64::NAN);
    let drop_micro = ratio(targets().map(|sum| (sum.gain, sum.count)));
    let other_macro = mean(others().map(|sum| sum.absolute / sum.count)).unwrap_or(f64::NAN);
    let other_micro = ratio(others().map(|sum| (sum.absolute, sum.count)));
    [
        drop_macro,
        drop_micro,
        other_macro,
        other_micro,
        drop_macro - other_macro,
        drop_micro - other_micro,
        headroom,
        if headroom > 0.0 { drop_macro / headroom } else { f64::NAN },
    ]
}

fn ratio(parts: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (sum, count) = parts.fold((0.0, 0.0), |(s, n), (sum, count)| (s + sum, n + count));
    sum / count
}

/// Indices of the dimensions off target at one distance.
fn others_at(layout: &Layout, distance: usize) -> impl Iterator<Item = usize> {
    let axes = layout.dimensions.iter().enumerate();
    axes.filter(move |(_, axis)| axis.goal.is_none() && axis.distance == Some(distance))
        .map(|(index, _)| index)
}

fn value_shifts(layout: &Layout, shifts: &[Option<Estimate>]) -> Vec<ValueShift> {
    let axes = layout.dimensions.iter().enumerate().zip(shifts);
    axes.filter_map(|((index, axis), shift)| {
        Some(ValueShift {
            dimension: axis.dimension.clone(),
            goal: axis.goal,
            distance: axis.distance,
            items: layout.dimension_of.iter().filter(|&&dimension| dimension == index).count(),
            shift: (*shift)?,
        })
    })
    .collect()
}

fn leakages(layout: &Layout, shifts: &[Option<Estimate>]) -> Vec<Leakage> {
    let distances = layout.distances().into_iter().zip(shifts);
    distances
        .filter_map(|(distance, shift)| {
            let values = others_at(layout, distance).count();
            Some(Leakage { distance, values, shift: (*shift)? })
        })
        .collect()
}

/// The headline within each repetition that all scores have, as mean ± sd.
fn repetitions(layout: &Layout, pairs: &[(&Scores, &Scores)]) -> Option<Repetitions> {
    let scores = pairs.iter().flat_map(|(before, after)| before.items.iter().chain(&after.items));
    let count = scores.map(|score| score.by_repetition.len()).min()?;
    if count < 2 {
        return None;
    }
    let headlines: Vec<Headline> = (0..count)
        .map(|repetition| {
            let of = |score: &ItemScore| score.by_repetition.get(repetition).copied().flatten();
            let changes = layout.changes(pairs, of);
            let everything =
                Draw { clusters: &vec![1; layout.items.len()], seeds: &vec![1; pairs.len()] };
            headline(layout, &sums(layout, &changes, everything))
        })
        .collect();
    let summary = |place: usize| {
        let values: Vec<f64> = headlines.iter().map(|headline| headline[place]).collect();
        let (mean, sd) = (mean(values.iter().copied())?, sample_sd(&values)?);
        (!mean.is_nan()).then_some(MeanSd { mean, sd })
    };
    Some(Repetitions {
        count,
        target_drop_macro: summary(0),
        target_drop_micro: summary(1),
        fluctuation_macro: summary(2),
        fluctuation_micro: summary(3),
        selectivity_macro: summary(4),
        selectivity_micro: summary(5),
    })
}
