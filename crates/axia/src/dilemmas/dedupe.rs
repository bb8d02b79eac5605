//! Posts that occur twice, or nearly so.

use crate::dilemmas::words::mix;
use rayon::prelude::*;

/// Hashes in a band. Posts that agree on a whole band are compared: of pairs with a similarity of
/// 0.7 that is 99.98 %, of those with 0.5 87 %, and of unrelated ones next to none.
const BAND: usize = 4;

/// Marks the posts that are nearly the same as an earlier one, so that one of each group of like
/// posts stays: the first. Two posts are alike if their estimated similarity is at least
/// `threshold`; the result does not depend on threads.
///
/// Memory: 8 bytes per post and thread, and the pairs found.
pub(super) fn near_duplicates(posts: &[Signature], threshold: f64) -> Vec<bool> {
    let mut pairs: Vec<(u32, u32)> = (0..HASHES / BAND)
        .into_par_iter()
        .flat_map_iter(|band| pairs_in_band(posts, band, threshold))
        .collect();
    pairs.par_sort_unstable();
    pairs.dedup();
    let mut groups = Groups::new(posts.len());
    for (first, second) in pairs {
        groups.join(first, second);
    }
    (0..posts.len() as u32).map(|post| groups.first_of(post) != post).collect()
}

/// The like pairs among posts that agree on a band: each post with the first like it.
fn pairs_in_band(posts: &[Signature], band: usize, threshold: f64) -> Vec<(u32, u32)> {
    let key = |post: &Signature| {
        post.hashes()[band * BAND..]
            .iter()
            .take(BAND)
            .fold(0, |key, hash| key << 8 | u64::from(*hash))
    };
    // Key and post in one number, which sorts faster than a pair.
    let mut keyed: Vec<u64> =
        posts.iter().zip(0..).map(|(post, index)| key(post) << 32 | index).collect();
    keyed.sort_unstable();
    let mut pairs = Vec::new();
    let mut leaders: Vec<u32> = Vec::new();
    for bucket in keyed.chunk_by(|a, b| a >> 32 == b >> 32).filter(|bucket| bucket.len() > 1) {
        leaders.clear();
        for post in bucket.iter().map(|keyed| *keyed as u32) {
            let alike = |leader: &&u32| {
                posts[**leader as usize].similarity(&posts[post as usize]) >= threshold
            };
            match leaders.iter().find(alike) {
                Some(leader) => pairs.push((*leader, post)),
                None => leaders.push(post),
            }
        }
    }
    pairs
}

/// Disjoint sets of posts, each known by its first.
struct Groups {
    parent: Vec<u32>,
}

impl Groups {
    fn new(posts: usize) -> Self {
        Self { parent: (0..posts as u32).collect() }
    }

    fn first_of(&mut self, mut post: u32) -> u32 {
        while self.parent[post as usize] != post {
            let above = self.parent[self.parent[post as usize] as usize];
            self.parent[post as usize] = above;
            post = above;
        }
        post
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.first_of(a), self.first_of(b));
        self.parent[a.max(b) as usize] = a.min(b);
    }
}

/// Identity of a text's words, exact and approximate. Case, punctuation and white space do not
/// count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint {
    /// Hash of all words in order.
    pub(crate) exact: u64,
    /// Sketch of its runs of words.
    pub(crate) signature: Signature,
}

impl Fingerprint {
    /// The fingerprint of a text whose words have these hashes.
    pub(crate) fn new(words: &[u64]) -> Self {
        let step = |hash: u64, word: &u64| {
            (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        };
        Self { exact: mix(words.iter().fold(0, step)), signature: Signature::new(words) }
    }
}

// MinHash signatures.
//
// Our own, because the crates do not fit: of those that are kept up, `gaoya` takes 36 µs to sign a
// post (128 passes over its words, where one suffices) and indexes it in dozens of hash maps, and
// `probminhash` brings a numerical stack along. This is one-permutation hashing (Li, Owen & Zhang,
// 2012) with optimal densification (Shrivastava, 2017), of which eight bits are kept per hash (Li
// & König, 2010).

/// Hashes in a signature.
const HASHES: usize = 128;

/// Words in a shingle.
const SHINGLE: usize = 3;

/// What stands in a bin without a hash.
const EMPTY: u64 = u64::MAX;

/// A sketch of the set of a text's shingles, its runs of three words: the share of the hashes that
/// two texts have in common estimates the Jaccard similarity of their sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature([u8; HASHES]);

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
    use crate::dilemmas::words::{mix, word_hashes};
    use std::collections::BTreeSet;

    /// A text of 200 words of its own, every `every`th of which is replaced in other versions.
    fn sign(text: u64, version: u64, every: u64) -> Signature {
        let words: Vec<u64> = (0..200)
            .map(|i| {
                let version = if i % every == 0 { version } else { 0 };
                mix(text << 32 | version << 16 | i)
            })
            .collect();
        Signature::new(&words)
    }

    #[test]
    fn the_first_of_like_posts_stays() {
        // Versions with 2 % of the words replaced have a similarity of about 0.89.
        let mut posts: Vec<Signature> = (1..400).map(|text| sign(text, 1, 50)).collect();
        posts.extend((1..300).map(|text| sign(text, 2, 50)));
        posts.extend((1..100).map(|text| sign(text, 3, 50)));
        let marked = near_duplicates(&posts, 0.7);
        assert!(marked[..399].iter().all(|duplicate| !duplicate));
        assert!(marked[399..].iter().all(|duplicate| *duplicate));
        assert_eq!(near_duplicates(&posts, 0.7), marked);
    }

    #[test]
    fn posts_that_share_passages_stay() {
        // With every fifth word replaced, two fifths of the shingles agree: 0.25.
        let posts: Vec<Signature> = (1..20).map(|version| sign(1, version, 5)).collect();
        assert!(near_duplicates(&posts, 0.7).iter().all(|duplicate| !duplicate));
        assert!(near_duplicates(&[], 0.7).is_empty());
    }

    #[test]
    fn groups_are_known_by_their_first() {
        let mut groups = Groups::new(6);
        for (a, b) in [(4, 5), (2, 4), (5, 1)] {
            groups.join(a, b);
        }
        let firsts: Vec<u32> = (0..6).map(|post| groups.first_of(post)).collect();
        assert_eq!(firsts, [0, 1, 1, 3, 1, 1]);
    }

    #[test]
    fn case_and_marks_do_not_count_but_order_does() {
        let exact = |text| Fingerprint::new(&word_hashes(text)).exact;
        assert_eq!(exact("I don't, CAFÉ!"), exact("i DON’T\n\ncafé"));
        assert_ne!(exact("a b c"), exact("a c b"));
        assert_ne!(exact("ab c"), exact("a bc"));
        assert_ne!(exact(""), exact("a"));
    }

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
