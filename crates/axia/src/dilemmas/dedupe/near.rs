//! Finding near-duplicates among many posts by locality-sensitive hashing.

use rayon::prelude::*;

use super::Signature;
use super::minhash::HASHES;

/// Hashes in a band. Posts that agree on a whole band are compared: of pairs with a similarity of
/// 0.7 that is 99.98 %, of those with 0.5 87 %, and of unrelated ones next to none.
const BAND: usize = 4;

/// Marks the posts that are nearly the same as an earlier one, so that one of each group of like
/// posts stays: the first. Two posts are alike if their estimated similarity is at least
/// `threshold`; the result does not depend on threads.
///
/// Memory: 8 bytes per post and thread, and the pairs found.
pub(crate) fn near_duplicates(posts: &[Signature], threshold: f64) -> Vec<bool> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dilemmas::words::mix;

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
}
