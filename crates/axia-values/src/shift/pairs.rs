//! Which items and dimensions a comparison rests on, their changes, and what a control kept.

use super::{ShiftError, ShiftRun};
use crate::instrument::Dimension;
use crate::profile::{ItemScore, Scores};
use crate::rating::Rating;
use crate::stats::{rank_correlation, sample_sd};
use crate::target::Target;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// The compared items by dimension, the same for all respondents.
pub(super) struct Layout {
    /// Ids of the compared items.
    pub items: Vec<String>,
    /// Dimension of each item, as an index into `dimensions`.
    pub dimension_of: Vec<usize>,
    pub dimensions: Vec<Axis>,
    /// Items that some respondent gave no valid answer to.
    pub excluded: Vec<String>,
}

/// A dimension in relation to the target.
pub(super) struct Axis {
    pub dimension: Dimension,
    pub goal: Option<Rating>,
    pub distance: Option<usize>,
}

/// The changes of one item in one run. Sums of changes are changes too.
#[derive(Clone, Copy, Default)]
pub(super) struct Change {
    /// Movement towards the goal; zero off target.
    pub gain: f64,
    /// |before − goal|: how far the change could have gone; zero off target.
    pub headroom: f64,
    /// |after − before|.
    pub absolute: f64,
    /// after − before.
    pub signed: f64,
    /// Number of changes summed up; zero where one is missing.
    pub count: f64,
}

impl Change {
    pub fn new(before: f64, after: f64, goal: Option<Rating>) -> Self {
        let distance = |at: f64| goal.map_or(0.0, |goal| (at - f64::from(goal)).abs());
        let headroom = distance(before);
        let gain = headroom - distance(after);
        Self {
            gain,
            headroom,
            absolute: (after - before).abs(),
            signed: after - before,
            count: 1.0,
        }
    }

    pub fn add(&mut self, other: Self, times: f64) {
        self.gain += times * other.gain;
        self.headroom += times * other.headroom;
        self.absolute += times * other.absolute;
        self.signed += times * other.signed;
        self.count += times * other.count;
    }
}

impl Layout {
    pub fn new(runs: &[ShiftRun<'_>], target: &Target) -> Result<Self, ShiftError> {
        let all: Vec<&Scores> = runs
            .iter()
            .flat_map(|run| run.base.into_iter().chain([run.control, run.steered]))
            .collect();
        let Some((first, others)) = all.split_first() else { return Err(ShiftError::NoRuns) };
        for other in others {
            same_questions(first, other)?;
        }
        let lookups: Vec<_> = all.iter().map(|scores| by_id(scores)).collect();
        let answered = |id: &str| {
            lookups.iter().all(|scores| scores.get(id).is_some_and(|score| score.mean.is_some()))
        };
        let (compared, excluded): (Vec<&ItemScore>, Vec<&ItemScore>) =
            first.items.iter().partition(|score| answered(&score.item));
        let distinct: BTreeSet<_> = compared.iter().map(|score| &score.dimension).collect();
        let dimensions: Vec<_> = distinct.into_iter().collect();
        let number = |score: &&ItemScore| dimensions.binary_search(&&score.dimension).ok();
        let layout = Self {
            items: compared.iter().map(|score| score.item.clone()).collect(),
            dimension_of: compared.iter().filter_map(number).collect(),
            dimensions: dimensions.into_iter().map(|dimension| axis(dimension, target)).collect(),
            excluded: excluded.into_iter().map(|score| score.item.clone()).collect(),
        };
        if layout.dimensions.iter().any(|axis| axis.goal.is_some()) {
            return Ok(layout);
        }
        let measured = layout.dimensions.iter().map(|axis| axis.dimension.key()).collect();
        Err(ShiftError::NotMeasured { target: target.name.clone(), measured })
    }

    /// The change of each item in each run: `[item][run]`.
    pub fn changes(
        &self,
        pairs: &[(&Scores, &Scores)],
        of: impl Fn(&ItemScore) -> Option<f64>,
    ) -> Vec<Vec<Change>> {
        let lookups: Vec<_> =
            pairs.iter().map(|(before, after)| (by_id(before), by_id(after))).collect();
        let items = self.items.iter().zip(&self.dimension_of);
        items
            .map(|(id, &dimension)| {
                let goal = self.dimensions[dimension].goal;
                let change = |(before, after): &(HashMap<_, _>, HashMap<_, _>)| {
                    let before = before.get(id.as_str()).copied().and_then(&of)?;
                    let after = after.get(id.as_str()).copied().and_then(&of)?;
                    Some(Change::new(before, after, goal))
                };
                lookups.iter().map(|pair| change(pair).unwrap_or_default()).collect()
            })
            .collect()
    }

    /// Distances of the other values, near to far.
    pub fn distances(&self) -> BTreeSet<usize> {
        let others = self.dimensions.iter().filter(|axis| axis.goal.is_none());
        others.filter_map(|axis| axis.distance).collect()
    }
}

fn axis(dimension: &Dimension, target: &Target) -> Axis {
    Axis {
        dimension: dimension.clone(),
        goal: target.goal(dimension),
        distance: target.distance(dimension),
    }
}

fn by_id(scores: &Scores) -> HashMap<&str, &ItemScore> {
    scores.items.iter().map(|score| (score.item.as_str(), score)).collect()
}

fn same_questions(first: &Scores, other: &Scores) -> Result<(), ShiftError> {
    if first.readout != other.readout {
        return Err(ShiftError::ReadoutMismatch { expected: first.readout, found: other.readout });
    }
    let ids = |scores: &Scores| -> BTreeSet<String> {
        scores.items.iter().map(|score| score.item.clone()).collect()
    };
    match ids(first).symmetric_difference(&ids(other)).next() {
        Some(item) => Err(ShiftError::ItemMismatch { item: item.clone() }),
        None => Ok(()),
    }
}

/// A control whose items differ by less than this share of the base's has lost what it should keep.
const LEAST_SPREAD: f64 = 0.1;
/// The same of one that orders the items otherwise than the base.
const LEAST_CORRELATION: f64 = 0.5;

/// What is left in a control of the base's answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlCheck {
    /// The training seed.
    pub seed: u64,
    /// Standard deviation of the control's item scores.
    pub control_sd: f64,
    /// Standard deviation of the base's.
    pub base_sd: f64,
    /// Spearman's correlation of the two over the items; `None` where one of them does not vary.
    pub rank_correlation: Option<f64>,
}

impl ControlCheck {
    /// Compares a control with the base, item by item; `None` with fewer than two items.
    #[must_use]
    pub fn new(seed: u64, base: &Scores, control: &Scores) -> Option<Self> {
        let pairs: Vec<(f64, f64)> = base
            .items
            .iter()
            .filter_map(|own| {
                let other = control.items.iter().find(|other| other.item == own.item)?;
                own.mean.zip(other.mean)
            })
            .collect();
        let (of_base, of_control): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        Some(Self {
            seed,
            control_sd: sample_sd(&of_control)?,
            base_sd: sample_sd(&of_base)?,
            rank_correlation: rank_correlation(&pairs),
        })
    }

    /// Whether the control answers alike whatever it is asked, or in another order than the base:
    /// a comparison with it says nothing about the target.
    #[must_use]
    pub fn is_degenerate(&self) -> bool {
        self.control_sd < LEAST_SPREAD * self.base_sd
            || self.rank_correlation.is_none_or(|r| r < LEAST_CORRELATION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::{Dimension, Split};
    use crate::profile::{ItemScore, Readout};
    use std::collections::BTreeMap;

    fn scores(means: &[f64]) -> Scores {
        let item = |(at, &mean): (usize, &f64)| ItemScore {
            item: format!("item-{at}"),
            dimension: Dimension::Named("x".into()),
            split: Split::Test,
            mean: Some(mean),
            by_variant: BTreeMap::new(),
            by_repetition: Vec::new(),
            invalid: 0,
            replies: 1,
        };
        Scores { readout: Readout::Expected, items: means.iter().enumerate().map(item).collect() }
    }

    #[test]
    fn constant_and_scrambled_controls_are_degenerate() {
        let base = scores(&[1.0, 2.0, 3.0, 4.0]);
        let check = |control: &[f64]| ControlCheck::new(7, &base, &scores(control)).unwrap();
        let close = check(&[1.5, 2.0, 2.5, 3.0]);
        assert_eq!((close.seed, close.rank_correlation), (7, Some(1.0)));
        assert!((close.control_sd / close.base_sd - 0.5).abs() < 1e-12 && !close.is_degenerate());
        assert!(check(&[3.0, 3.0, 3.0, 3.0]).is_degenerate(), "constant");
        assert!(check(&[3.0, 3.001, 3.002, 3.003]).is_degenerate(), "all but constant");
        assert!(check(&[4.0, 3.0, 2.0, 1.0]).is_degenerate(), "the other way round");
        assert!(ControlCheck::new(0, &scores(&[1.0]), &scores(&[1.0])).is_none());
    }
}
