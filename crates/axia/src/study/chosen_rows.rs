//! The rows that a study trains on and validates with.

use super::Settings;
use axia_values::instrument::{Instrument, Item, Split, Variant};
use axia_values::target::Target;
use std::collections::BTreeSet;

/// Rows by their items' places in the instrument and how they are asked. They are the same for a
/// steered respondent and its control.
pub(super) struct ChosenRows {
    pub train: Vec<(usize, Variant)>,
    pub validation: Vec<(usize, Variant)>,
}

impl ChosenRows {
    pub fn new(instrument: &Instrument, settings: &Settings, target: &Target, seed: u64) -> Self {
        let train = items(instrument, Split::Train);
        let is_target: Vec<bool> =
            train.iter().map(|(_, item)| target.goal_of(item).is_some()).collect();
        let chosen = settings.train_rows.choose(&is_target, instrument, settings.batch_rows, seed);
        let validation = items(instrument, Split::Validation).into_iter().enumerate();
        Self {
            train: chosen.into_iter().map(|(i, variant)| (train[i].0, variant)).collect(),
            validation: validation
                .flat_map(|(place, (index, _))| {
                    let ways = settings.validation_variants.of(instrument, place);
                    ways.into_iter().map(move |variant| (index, variant))
                })
                .collect(),
        }
    }

    /// All rows of all `targets` and seeds, each once, in the instrument's order.
    pub fn union<'t>(
        instrument: &Instrument,
        settings: &Settings,
        targets: impl Iterator<Item = &'t Target> + Clone,
    ) -> Vec<(usize, Variant)> {
        let plans = settings.seeds.iter().flat_map(|seed| targets.clone().map(move |t| (t, *seed)));
        let rows = plans.flat_map(|(target, seed)| {
            let Self { train, validation } = Self::new(instrument, settings, target, seed);
            train.into_iter().chain(validation)
        });
        rows.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// The items of a split with their places in the instrument.
fn items(instrument: &Instrument, split: Split) -> Vec<(usize, &Item)> {
    instrument.items.iter().enumerate().filter(|(_, item)| item.split == split).collect()
}
