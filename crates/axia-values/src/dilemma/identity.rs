//! Identity of posts and of sets.

use super::{Dilemma, DilemmaSet};
use crate::canonical::Canonical;

/// Hexadecimal digits of a cluster's name: 64 bits, so that two of a million posts share one with
/// a probability of 3 in 100 million.
const CLUSTER_DIGITS: usize = 16;

/// A post with every run of white space made one space: posts that agree in this are the same.
pub(super) fn same_text(post: &str) -> String {
    post.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Dilemma {
    /// The name of the post's cluster, 16 hexadecimal digits of a hash of its text: the same for
    /// a post that stands under two values, whatever its white space.
    #[must_use]
    pub fn cluster(&self) -> String {
        let mut hash = Canonical::new("axia-post-1");
        hash.text(&same_text(&self.post));
        hash.hex().chars().take(CLUSTER_DIGITS).collect()
    }
}

impl DilemmaSet {
    /// SHA-256 (hex) of everything that the numbers of a judgement can depend on: ids, values,
    /// stances and posts in their order. Name, licence, justifications and provenance do not
    /// count.
    #[must_use]
    pub fn content_hash(&self) -> String {
        let mut hash = Canonical::new("axia-dilemmas-1");
        hash.count(self.dilemmas.len());
        for dilemma in &self.dilemmas {
            hash.text(&dilemma.id);
            hash.text(dilemma.value.slug());
            hash.text(dilemma.high_stance.label());
            hash.text(dilemma.low_stance.label());
            hash.text(&dilemma.post);
        }
        hash.hex()
    }
}
