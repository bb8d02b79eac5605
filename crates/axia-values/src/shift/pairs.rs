//! Which items and dimensions a comparison rests on, and their changes.

use std::collections::{BTreeSet, HashMap};

use super::{ShiftError, ShiftRun};
use crate::instrument::Dimension;
use crate::profile::{ItemScore, Scores};
use crate::rating::Rating;
use crate::target::Target;

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
