//! Which rows an adapter is trained on.

use super::Settings;
use crate::run::StudyError;
use axia_values::instrument::{Instrument, Item, Split, Variant};
use axia_values::random::{below, shuffle};
use axia_values::target::Target;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A choice among all rows: items × ways of asking.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowPlan {
    /// Every item in every way of asking.
    All,
    /// A seeded sample, in training order, for short runs. Every step has the same share of target
    /// rows, so that a few small steps suffice to learn what tells them from the others, and one
    /// instruction, which its rows share; instructions take turns. Items are dealt from shuffled
    /// decks; templates are drawn anew for every row, so that they say nothing about the rating.
    Sampled {
        /// Rows in all.
        rows: usize,
        /// Share of the target's rows in every step, from 0 to 1.
        target_share: f64,
    },
}

/// A row by its item's place among the items given, and how it is asked.
pub type ChosenRow = (usize, Variant);

/// Share of the target's rows in a sample.
const TARGET_SHARE: f64 = 1.0 / 3.0;

impl RowPlan {
    /// A sample of `rows` rows, a third of them the target's.
    pub fn sampled(rows: usize) -> Self {
        Self::Sampled { rows, target_share: TARGET_SHARE }
    }

    /// This plan with another number of rows or share of the target's, if these are given.
    ///
    /// # Errors
    /// [`StudyError::Setting`] for a share where all rows are used.
    pub fn with(self, rows: Option<usize>, target_share: Option<f64>) -> Result<Self, StudyError> {
        let sampled = rows.map_or(self, Self::sampled);
        match (sampled, target_share) {
            (Self::Sampled { rows, .. }, Some(target_share)) => {
                Ok(Self::Sampled { rows, target_share })
            }
            (Self::All, Some(_)) => Err(StudyError::Setting(
                "--target-share is that of a sample; say with --rows how many rows it has".into(),
            )),
            (plan, None) => Ok(plan),
        }
    }

    /// The rows for items, of which `is_target` says whether they are the target's, to be taken `batch`
    /// at a time.
    pub fn choose(
        self,
        is_target: &[bool],
        instrument: &Instrument,
        batch: usize,
        seed: u64,
    ) -> Vec<ChosenRow> {
        let Self::Sampled { rows, target_share } = self else {
            let variants = instrument.variants();
            let ways = |item| variants.iter().map(move |&variant| (item, variant));
            return (0..is_target.len()).flat_map(ways).collect();
        };
        let (targets, anchors): (Vec<usize>, Vec<usize>) =
            (0..is_target.len()).partition(|&item| is_target[item]);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let of_target = match anchors.is_empty() {
            true => batch,
            false => (target_share * batch as f64).round() as usize,
        };
        let (mut targets, mut anchors) = (Deck::new(targets), Deck::new(anchors));
        let mut chosen = Vec::with_capacity(rows);
        for row in 0..rows {
            let deck = if row % batch < of_target { &mut targets } else { &mut anchors };
            let instruction = row / batch % instrument.instructions.len();
            let template = below(&mut rng, instrument.templates.len());
            let item = deck.deal(&mut rng);
            chosen.extend(item.map(|item| (item, Variant { instruction, template })));
        }
        chosen
    }
}

/// Cards dealt in random order, shuffled again when all are dealt.
struct Deck {
    cards: Vec<usize>,
    dealt: usize,
}

impl Deck {
    fn new(cards: Vec<usize>) -> Self {
        Self { dealt: cards.len(), cards }
    }

    /// Nothing if there are no cards.
    fn deal(&mut self, rng: &mut impl Rng) -> Option<usize> {
        if self.dealt == self.cards.len() {
            shuffle(rng, &mut self.cards);
            self.dealt = 0;
        }
        let card = self.cards.get(self.dealt).copied()?;
        self.dealt += 1;
        Some(card)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use axia_values::instrument::Split;
    use axia_values::taxonomy::RefinedValue;
    use std::collections::BTreeMap;

    fn items() -> Vec<bool> {
        let target = RefinedValue::UniversalismNature.into();
        let train = Instrument::bundled().split(Split::Train);
        train.map(|item| item.dimension == target).collect()
    }

    #[test]
    fn all_rows_are_items_times_variants() {
        let (items, instrument) = (items(), Instrument::bundled());
        let rows = RowPlan::All.choose(&items, instrument, 108, 0);
        assert_eq!(rows.len(), 378 * 27);
        assert!(rows[..27].iter().all(|(item, _)| *item == 0));
    }

    #[test]
    fn sampled_steps_are_balanced_and_share_an_instruction() {
        let (items, instrument) = (items(), Instrument::bundled());
        let plan = RowPlan::Sampled { rows: 720, target_share: 1.0 / 3.0 };
        let rows = plan.choose(&items, instrument, 9, 4);
        assert_eq!(rows.len(), 720);
        for (step, rows) in rows.chunks(9).enumerate() {
            assert_eq!(rows.iter().filter(|(item, _)| items[*item]).count(), 3);
            assert!(rows.iter().all(|(_, variant)| variant.instruction == step % 3));
        }
        let mut met: BTreeMap<usize, usize> = BTreeMap::new();
        rows.iter().for_each(|(item, _)| *met.entry(*item).or_default() += 1);
        // 240 target rows over 21 items, 480 others over 357.
        let times = |item: &usize| if items[*item] { 11..=12 } else { 1..=2 };
        assert!(met.iter().all(|(item, count)| times(item).contains(count)), "{met:?}");
        assert_eq!(met.len(), 378);
        assert_eq!(rows, plan.choose(&items, instrument, 9, 4));
        assert_ne!(rows, plan.choose(&items, instrument, 9, 5));
    }

    #[test]
    fn a_sample_of_one_kind_of_items_has_all_its_rows() {
        let all = items();
        let plan = RowPlan::Sampled { rows: 20, target_share: 0.5 };
        for is_target in [true, false] {
            let some: Vec<_> = all.iter().filter(|is| **is == is_target).copied().collect();
            let rows = plan.choose(&some, Instrument::bundled(), 4, 0);
            assert_eq!(rows.len(), if is_target { 20 } else { 10 });
        }
        assert!(plan.choose(&[], Instrument::bundled(), 4, 0).is_empty());
    }
}
