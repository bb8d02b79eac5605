//! MinHash signatures.
//!
//! Our own, because the crates do not fit: of those that are kept up, `gaoya` takes 36 µs to sign a
//! post (128 passes over its words, where one suffices) and indexes it in dozens of hash maps, and
//! `probminhash` brings a numerical stack along. This is one-permutation hashing (Li, Owen & Zhang,
//! 2012) with optimal densification (Shrivastava, 2017), of which eight bits are kept per hash (Li
//! & König, 2010).

use crate::dilemmas::words::mix;

/// Hashes in a signature.
pub(super) const HASHES: usize = 128;

/// Words in a shingle.
const SHINGLE: usize = 3;

/// What stands in a bin without a hash.
const EMPTY: u64 = u64::MAX;

/// A sketch of the set of a text's shingles, its runs of three words: the share of the hashes that
/// two texts have in common estimates the Jaccard similarity of their sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature([u8; HASHES]);

impl Signature {
    /// The signature of a text whose words have these hashes. A text shorter than a shingle is one.
    pub(crate) fn new(words: &[u64]) -> Self {
        let mut bins = [EMPTY; HASHES];
        let mut add = |hash: u64| {
            let bin = &mut bins[hash as usize % HASHES];
            *bin = hash.min(*bin);
        };
        match words {
            [] => return Self([0; HASHES]),
            [_] | [_, _] => add(mix(words.iter().fold(0, |hash, word| mix(hash ^ word)))),
            _ => {
                let shingles = words.windows(SHINGLE).filter_map(<[u64]>::first_chunk);
                shingles.for_each(|shingle| add(hash_shingle(shingle)));
            }
        }
        // The lowest bits chose the bin; the next ones are as good as any.
        Self(std::array::from_fn(|bin| (lender(&bins, bin) / HASHES as u64) as u8))
    }

    /// The hashes.
    pub(super) const fn hashes(&self) -> &[u8; HASHES] {
        &self.0
    }

    /// Estimates the Jaccard similarity of two texts' shingles, with a standard deviation of at
    /// most 0.05. One hash in 256 agrees by chance, which is taken off.
    pub(super) fn similarity(&self, other: &Self) -> f64 {
        const CHANCE: f64 = 1.0 / 256.0;
        let equal = self.0.iter().zip(&other.0).filter(|(a, b)| a == b).count();
        ((equal as f64 / HASHES as f64 - CHANCE) / (1.0 - CHANCE)).max(0.0)
    }
}

/// Mixes the words of a shingle so that their order counts.
const fn hash_shingle([a, b, c]: &[u64; SHINGLE]) -> u64 {
    let b = b.wrapping_mul(0xc2b2_ae3d_27d4_eb4f).rotate_left(21);
    let c = c.wrapping_mul(0x1656_67b1_9e37_79f9).rotate_left(42);
    mix(a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b ^ c)
}

/// The least hash of a bin. An empty bin borrows from the first filled one on a walk of its own,
/// which is the same for every text; one bin at least is filled.
fn lender(bins: &[u64; HASHES], bin: usize) -> u64 {
    let mut at = bin;
    let mut state = bin as u64;
    while bins[at] == EMPTY {
        state = mix(state);
        at = state as usize % HASHES;
    }
    bins[at]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Words of a text, of which `changed` differ from version to version.
    fn words(text: u64, length: u64, changed: u64, version: u64) -> Vec<u64> {
        let every = length.checked_div(changed).unwrap_or(u64::MAX);
        let word = |i| if i % every == every - 1 { version << 32 | i } else { i };
        (0..length).map(|i| mix(text << 48 | word(i))).collect()
    }

    fn jaccard(a: &[u64], b: &[u64]) -> f64 {
        let [a, b] = [a, b].map(|words| words.windows(SHINGLE).collect::<BTreeSet<_>>());
        a.intersection(&b).count() as f64 / a.union(&b).count() as f64
    }

    #[test]
    fn similarity_estimates_that_of_the_sets() {
        for (length, changed) in [(80, 0), (80, 4), (300, 3), (300, 30), (600, 60), (600, 6)] {
            let pairs: Vec<(f64, f64)> = (0..40)
                .map(|pair| {
                    let [a, b] = [1, 2].map(|version| words(pair, length, changed, version));
                    (Signature::new(&a).similarity(&Signature::new(&b)), jaccard(&a, &b))
                })
                .collect();
            let bias = pairs.iter().map(|(estimate, truth)| estimate - truth).sum::<f64>() / 40.0;
            let worst = pairs.iter().map(|(e, t)| (e - t).abs()).fold(0.0, f64::max);
            // The mean of 40 estimates, within four of its standard errors; an estimate within four
            // standard deviations.
            assert!(bias.abs() < 0.03 && worst < 0.2, "{length} {changed}: {bias} {worst}");
        }
    }

    #[test]
    fn texts_of_few_words_have_signatures() {
        let sign = |words: &[u64]| Signature::new(words);
        assert_eq!(sign(&[]).similarity(&sign(&[])), 1.0);
        assert_eq!(sign(&[mix(1)]).similarity(&sign(&[mix(1)])), 1.0);
        assert!(sign(&[mix(1)]).similarity(&sign(&[mix(2)])) < 0.1);
        assert!(sign(&[mix(1), mix(2)]).similarity(&sign(&[mix(2), mix(1)])) < 0.1);
    }
}
