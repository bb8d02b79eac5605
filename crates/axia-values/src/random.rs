//! Seeded draws that stay the same from release to release.
//!
//! Drawn from ChaCha directly, because the algorithms of general random libraries may change
//! between their versions and would change published intervals with them.

use rand_chacha::rand_core::Rng;

/// A number in `0..bound`; 0 for a bound of 0. The bias is below `bound / 2^32`.
pub fn below(rng: &mut impl Rng, bound: usize) -> usize {
    ((u64::from(rng.next_u32()) * bound as u64) >> 32) as usize
}

/// Fisher–Yates shuffle.
pub fn shuffle<T>(rng: &mut impl Rng, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(rng, last + 1));
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn draws_cover_their_range_evenly() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut counts = [0; 6];
        for _ in 0..60_000 {
            counts[below(&mut rng, 6)] += 1;
        }
        assert!(counts.iter().all(|count| (9_700..10_300).contains(count)), "{counts:?}");
        assert_eq!(below(&mut rng, 0), 0);
    }

    #[test]
    fn a_shuffle_is_a_permutation() {
        let mut items: Vec<usize> = (0..50).collect();
        shuffle(&mut ChaCha8Rng::seed_from_u64(7), &mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
