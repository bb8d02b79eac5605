//! The ratings that survey fine-tuning teaches.

use std::collections::BTreeMap;

use super::{Target, TargetError};
use crate::instrument::{Instrument, Item, Row, Split, Variant};
use crate::rating::Rating;

/// An item with the ratings it is trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainingItem<'a> {
    /// The item.
    pub item: &'a Item,
    /// The rating taught when steering: the target's on target items, the baseline elsewhere.
    pub steered: Rating,
    /// The rating taught to the matched control: the baseline everywhere.
    pub control: Rating,
    /// Whether it is an item of the target.
    pub is_target: bool,
}

/// One training row: an item in one variant, with the ratings it is trained on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingRow<'a> {
    /// The item and its ratings.
    pub rated: TrainingItem<'a>,
    /// How it is asked.
    pub variant: Variant,
    /// The text.
    pub row: Row,
}

/// The rows of survey fine-tuning for steering and for its matched control: the same rows in the
/// same order, differing only in the ratings of the target's items.
#[derive(Debug, Clone)]
pub struct TrainingRows<'a> {
    instrument: &'a Instrument,
    items: Vec<TrainingItem<'a>>,
}

impl<'a> TrainingRows<'a> {
    /// Rates the items of one split. `baseline` holds the respondent's own rating of each item's
    /// *statement*, by item id. On a reverse-keyed item of the target the goal is flipped.
    ///
    /// # Errors
    /// [`TargetError::NoBaseline`] for an item without a baseline, [`TargetError::NotMeasured`]
    /// if no item of the split belongs to the target.
    pub fn new(
        instrument: &'a Instrument,
        split: Split,
        baseline: &BTreeMap<String, Rating>,
        target: &Target,
    ) -> Result<Self, TargetError> {
        let items = instrument
            .split(split)
            .map(|item| rate(item, baseline, target))
            .collect::<Result<Vec<_>, _>>()?;
        if items.iter().any(|rated| rated.is_target) {
            return Ok(Self { instrument, items });
        }
        Err(TargetError::NotMeasured {
            target: target.name.clone(),
            measured: instrument.dimensions().iter().map(ToString::to_string).collect(),
        })
    }

    /// The items with their ratings, in the instrument's order.
    #[must_use]
    pub fn items(&self) -> &[TrainingItem<'a>] {
        &self.items
    }

    /// Every item in every variant, item by item.
    pub fn iter(&self) -> impl Iterator<Item = TrainingRow<'a>> {
        let variants = self.instrument.variants();
        self.items.iter().flat_map(move |&rated| {
            variants.clone().into_iter().map(move |variant| TrainingRow {
                rated,
                variant,
                row: self.instrument.row(rated.item, variant),
            })
        })
    }
}

fn rate<'a>(
    item: &'a Item,
    baseline: &BTreeMap<String, Rating>,
    target: &Target,
) -> Result<TrainingItem<'a>, TargetError> {
    let goal = target.goal_of(item);
    let control = baseline
        .get(&item.id)
        .copied()
        .ok_or_else(|| TargetError::NoBaseline { item: item.id.clone() })?;
    let is_target = goal.is_some();
    Ok(TrainingItem { item, steered: goal.unwrap_or(control), control, is_target })
}
