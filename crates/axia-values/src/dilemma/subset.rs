//! Seeded, stratified parts of a set.

use std::collections::{BTreeMap, BTreeSet};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{Dilemma, DilemmaSet};
use crate::random::shuffle;
use crate::taxonomy::{BasicValue, RefinedValue};

impl DilemmaSet {
    /// The set with at most `per_basic_value` dilemmas of each basic value. A value with more
    /// keeps a random part in which its refined values and their high stances have the same
    /// shares as before, up to rounding. The order stays.
    ///
    /// What is drawn depends on the seed and on the ids of a value's own dilemmas, not on their
    /// order.
    #[must_use]
    pub fn capped(&self, per_basic_value: usize, seed: u64) -> Self {
        let mut chosen = BTreeSet::new();
        for basic in BasicValue::ALL {
            let own = self.indices(|dilemma| dilemma.value.basic() == basic);
            chosen.extend(self.draw(&own, per_basic_value, seed));
        }
        self.part(&chosen)
    }

    /// A random part of at most `size` dilemmas for quick runs: as many of each refined value as
    /// of every other, as far as it has them, and within each value the high stances in the same
    /// shares as before, up to rounding. The order stays.
    #[must_use]
    pub fn sample(&self, size: usize, seed: u64) -> Self {
        let mut chosen = BTreeSet::new();
        for (value, quota) in self.even_quotas(size, seed) {
            let own = self.indices(|dilemma| dilemma.value == value);
            chosen.extend(self.draw(&own, quota, seed));
        }
        self.part(&chosen)
    }

    fn indices(&self, of: impl Fn(&Dilemma) -> bool) -> Vec<usize> {
        let all = self.dilemmas.iter().enumerate();
        all.filter(|(_, dilemma)| of(dilemma)).map(|(index, _)| index).collect()
    }

    fn part(&self, chosen: &BTreeSet<usize>) -> Self {
        let dilemmas = chosen.iter().filter_map(|&index| self.dilemmas.get(index)).cloned();
        Self {
            name: self.name.clone(),
            licence: self.licence.clone(),
            dilemmas: dilemmas.collect(),
        }
    }

    /// Deals `size` places to the values in turn, in random order, until none has a dilemma left.
    fn even_quotas(&self, size: usize, seed: u64) -> BTreeMap<RefinedValue, usize> {
        let mut values: Vec<RefinedValue> = self.values().into_iter().collect();
        shuffle(&mut ChaCha8Rng::seed_from_u64(seed), &mut values);
        let available: BTreeMap<_, _> =
            values.iter().map(|&value| (value, self.of(value).count())).collect();
        let mut quotas: BTreeMap<_, _> = values.iter().map(|&value| (value, 0)).collect();
        let mut left = size.min(self.dilemmas.len());
        while left > 0 {
            for value in &values {
                if let (Some(quota), Some(&most)) = (quotas.get_mut(value), available.get(value))
                    && *quota < most
                    && left > 0
                {
                    *quota += 1;
                    left -= 1;
                }
            }
        }
        quotas
    }

    /// Draws `size` of the dilemmas at `indices`, stratified by refined value and high stance.
    fn draw(&self, indices: &[usize], size: usize, seed: u64) -> Vec<usize> {
        let mut strata: BTreeMap<_, Vec<(&str, usize)>> = BTreeMap::new();
        for &index in indices {
            let Some(dilemma) = self.dilemmas.get(index) else { continue };
            let stratum = (dilemma.value, dilemma.high_stance);
            strata.entry(stratum).or_default().push((&dilemma.id, index));
        }
        let sizes: Vec<usize> = strata.values().map(Vec::len).collect();
        let quotas = proportional(&sizes, size);
        let mut drawn = Vec::new();
        for (((value, stance), mut rows), quota) in strata.into_iter().zip(quotas) {
            // A stream for each stratum, so that no stratum's draw depends on another's size.
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream((value.position() * 3 + stance.index() + 1) as u64);
            rows.sort_unstable();
            shuffle(&mut rng, &mut rows);
            drawn.extend(rows.into_iter().take(quota).map(|(_, index)| index));
        }
        drawn
    }
}

/// Divides `total` in proportion to `sizes` by the method of largest remainders (Hamilton); of
/// equal remainders the first. No part is larger than its size.
fn proportional(sizes: &[usize], total: usize) -> Vec<usize> {
    let all: usize = sizes.iter().sum();
    if total >= all {
        return sizes.to_vec();
    }
    let mut parts: Vec<usize> = sizes.iter().map(|size| size * total / all).collect();
    let mut by_remainder: Vec<usize> = (0..sizes.len()).collect();
    by_remainder.sort_by_key(|&index| std::cmp::Reverse(sizes[index] * total % all));
    let missing = total - parts.iter().sum::<usize>();
    by_remainder.into_iter().take(missing).for_each(|index| parts[index] += 1);
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dilemma::{Justification, Provenance, Stance};

    /// A set with the given number of posts of each value and high stance.
    fn set(sizes: &[(RefinedValue, Stance, usize)]) -> DilemmaSet {
        let mut dilemmas = Vec::new();
        for &(value, high_stance, size) in sizes {
            for number in 0..size {
                let id = format!("{value}-{high_stance}-{number}");
                let low_stance =
                    if high_stance == Stance::Neutral { Stance::Nta } else { Stance::Neutral };
                dilemmas.push(Dilemma {
                    post: id.clone(),
                    id,
                    value,
                    high_stance,
                    low_stance,
                    justification: Justification::default(),
                    provenance: Provenance::Original,
                });
            }
        }
        DilemmaSet { name: "set".into(), licence: None, dilemmas }
    }

    fn ids(set: &DilemmaSet) -> Vec<&str> {
        set.dilemmas.iter().map(|dilemma| dilemma.id.as_str()).collect()
    }

    fn count(set: &DilemmaSet, value: RefinedValue, stance: Stance) -> usize {
        set.of(value).filter(|dilemma| dilemma.high_stance == stance).count()
    }

    #[test]
    fn caps_hold_for_basic_values_and_keep_shares() {
        use RefinedValue as V;
        let full = set(&[
            (V::PowerDominance, Stance::Nta, 40),
            (V::PowerDominance, Stance::Yta, 20),
            (V::Face, Stance::Yta, 20),
            (V::Humility, Stance::Nta, 7),
        ]);
        let capped = full.capped(20, 1);
        // Half, a quarter and a quarter of the 80 posts of power.
        assert_eq!(count(&capped, V::PowerDominance, Stance::Nta), 10);
        assert_eq!(count(&capped, V::PowerDominance, Stance::Yta), 5);
        assert_eq!(count(&capped, V::Face, Stance::Yta), 5);
        assert_eq!(capped.of(V::Humility).count(), 7);
        assert_eq!(capped, full.capped(20, 1));
        assert_ne!(ids(&capped), ids(&full.capped(20, 2)));
        let order: Vec<&str> =
            ids(&full).into_iter().filter(|id| ids(&capped).contains(id)).collect();
        assert_eq!(ids(&capped), order);
        assert_eq!(full.capped(500, 1), full);
        assert!(full.capped(0, 1).dilemmas.is_empty());
    }

    #[test]
    fn a_draw_does_not_depend_on_order_or_on_other_values() {
        use RefinedValue as V;
        let full = set(&[(V::Face, Stance::Nta, 50), (V::Humility, Stance::Yta, 50)]);
        let mut reversed = full.clone();
        reversed.dilemmas.reverse();
        let mut backward = reversed.capped(10, 3);
        backward.dilemmas.reverse();
        assert_eq!(backward, full.capped(10, 3));
        let alone = set(&[(V::Face, Stance::Nta, 50)]).capped(10, 3);
        let beside = full.capped(10, 3);
        assert_eq!(ids(&alone), beside.of(V::Face).map(|row| row.id.as_str()).collect::<Vec<_>>());
    }

    #[test]
    fn samples_cover_values_evenly() {
        use RefinedValue as V;
        let full = set(&[
            (V::Face, Stance::Nta, 30),
            (V::Face, Stance::Yta, 30),
            (V::Humility, Stance::Nta, 2),
            (V::Hedonism, Stance::Nta, 50),
        ]);
        let sample = full.sample(22, 5);
        let sizes = [V::Face, V::Humility, V::Hedonism].map(|value| sample.of(value).count());
        assert_eq!(sizes, [10, 2, 10]);
        assert_eq!(count(&sample, V::Face, Stance::Nta), 5);
        assert_eq!(sample, full.sample(22, 5));
        assert_ne!(ids(&sample), ids(&full.sample(22, 6)));
        assert_eq!(full.sample(1_000, 5), full);
        // With fewer places than values, the seed decides which values are left out.
        let single: BTreeSet<RefinedValue> =
            (0..20).flat_map(|seed| full.sample(1, seed).values()).collect();
        assert_eq!(single.len(), 3);
    }

    #[test]
    fn the_bundled_set_gives_one_post_of_each_value() {
        let sample = DilemmaSet::bundled().sample(20, 0);
        assert_eq!((sample.dilemmas.len(), sample.values().len()), (20, 20));
    }

    #[test]
    fn proportions_by_hand() {
        // 10 of 16: quotas 5, 3.125, 1.875; the last has the largest remainder.
        assert_eq!(proportional(&[8, 5, 3], 10), [5, 3, 2]);
        assert_eq!(proportional(&[1, 1, 1], 2), [1, 1, 0]);
        assert_eq!(proportional(&[4, 2], 9), [4, 2]);
        assert_eq!(proportional(&[4, 2], 0), [0, 0]);
        assert!(proportional(&[], 3).is_empty());
    }

    proptest! {
        #[test]
        fn parts_sum_up_and_fit(sizes in prop::collection::vec(0..50usize, 0..12), total in 0..300usize) {
            let parts = proportional(&sizes, total);
            let all: usize = sizes.iter().sum();
            prop_assert_eq!(parts.iter().sum::<usize>(), total.min(all));
            for (&part, &size) in parts.iter().zip(&sizes) {
                prop_assert!(part <= size);
                let exact = if all == 0 { 0.0 } else { (size * total.min(all)) as f64 / all as f64 };
                prop_assert!((part as f64 - exact).abs() < 1.0);
            }
        }
    }
}
