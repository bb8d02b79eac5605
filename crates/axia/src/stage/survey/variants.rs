//! Which ways of asking an item are used.

use axia_values::instrument::{Instrument, Variant};
use serde::{Deserialize, Serialize};

/// A choice of variants for every item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VariantPlan {
    /// All instructions with all templates.
    All,
    /// A few templates of one instruction, both rotating from item to item, so that all are met
    /// equally often: cheap, because the variants of an item share its statement.
    Rotating(usize),
    /// All instructions with a few templates, spread evenly, the same for every item.
    Spread(usize),
}

impl VariantPlan {
    /// The variants in which the item at place `index` is asked.
    pub fn of(self, instrument: &Instrument, index: usize) -> Vec<Variant> {
        let (instructions, templates) = (instrument.instructions.len(), instrument.templates.len());
        let spread = |count: usize| {
            let count = count.clamp(1, templates);
            (0..count).map(move |k| k * templates / count)
        };
        match self {
            Self::All => instrument.variants(),
            Self::Rotating(count) => {
                let instruction = index % instructions;
                let shift = index / instructions;
                spread(count)
                    .map(|t| Variant { instruction, template: (t + shift) % templates })
                    .collect()
            }
            Self::Spread(count) => (0..instructions)
                .flat_map(|i| {
                    spread(count).map(move |template| Variant { instruction: i, template })
                })
                .collect(),
        }
    }

    /// Variants per item.
    pub fn per_item(self, instrument: &Instrument) -> usize {
        self.of(instrument, 0).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn rotation_meets_every_variant_equally_often() {
        let instrument = Instrument::bundled();
        let mut met: BTreeMap<Variant, usize> = BTreeMap::new();
        for index in 0..270 {
            let variants = VariantPlan::Rotating(3).of(instrument, index);
            assert_eq!(variants.len(), 3);
            assert!(variants.iter().all(|v| v.instruction == variants[0].instruction));
            variants.into_iter().for_each(|v| *met.entry(v).or_default() += 1);
        }
        assert_eq!(met.len(), 27);
        assert!(met.values().all(|&n| n == 30), "{met:?}");
    }

    #[test]
    fn spread_uses_every_instruction() {
        let instrument = Instrument::bundled();
        let variants = VariantPlan::Spread(3).of(instrument, 5);
        assert_eq!(variants.len(), 9);
        assert_eq!(VariantPlan::All.per_item(instrument), 27);
    }
}
