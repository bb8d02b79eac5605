//! Packing sequences that share prefixes into one depth-first token array.

/// The parent of a root.
pub const NO_PARENT: u32 = u32::MAX;

/// A set of tries over token ids, packed depth first.
///
/// A causal language model's state at a token depends on the tokens before it alone, so sequences
/// that begin alike share those states exactly. Each distinct prefix is one node; node `i` stands
/// at packed index `i`, children follow their parent, and the subtree of `i` is the packed range
/// `i..exit[i]`. Token `i` therefore sees token `j` iff `j <= i && i < exit[j]`; an ordinary
/// causal sequence is the case `exit[j] = len`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forest {
    tokens: Vec<u32>,
    parents: Vec<u32>,
    depths: Vec<u32>,
    exits: Vec<u32>,
}

impl Forest {
    /// Packs `sequences`; returns the forest and, for every sequence, the node of its last token
    /// ([`NO_PARENT`] for an empty sequence). The packing does not depend on the sequences' order.
    pub fn build<S: AsRef<[u32]>>(sequences: &[S]) -> (Self, Vec<u32>) {
        let mut order: Vec<usize> = (0..sequences.len()).collect();
        order.sort_unstable_by(|&a, &b| sequences[a].as_ref().cmp(sequences[b].as_ref()));
        let mut forest = Self::default();
        let mut ends = vec![NO_PARENT; sequences.len()];
        // Nodes of the sequence packed last, from its root to its last token.
        let mut path: Vec<u32> = Vec::new();
        let mut previous: &[u32] = &[];
        for index in order {
            let sequence = sequences[index].as_ref();
            let shared = previous.iter().zip(sequence).take_while(|(a, b)| a == b).count();
            forest.leave(&mut path, shared);
            for &token in &sequence[shared..] {
                forest.enter(&mut path, token);
            }
            ends[index] = path.last().copied().unwrap_or(NO_PARENT);
            previous = sequence;
        }
        forest.leave(&mut path, 0);
        (forest, ends)
    }

    fn enter(&mut self, path: &mut Vec<u32>, token: u32) {
        let node = self.tokens.len() as u32;
        self.tokens.push(token);
        self.parents.push(path.last().copied().unwrap_or(NO_PARENT));
        self.depths.push(path.len() as u32);
        self.exits.push(u32::MAX);
        path.push(node);
    }

    fn leave(&mut self, path: &mut Vec<u32>, depth: usize) {
        for node in path.drain(depth..) {
            self.exits[node as usize] = self.tokens.len() as u32;
        }
    }

    /// Distinct tokens: the number of nodes.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is no token at all.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Token ids `(tokens)`.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Depth of every node below its root, which is its position in the sequence `(tokens)`.
    pub fn depths(&self) -> &[u32] {
        &self.depths
    }

    /// Parent of every node, [`NO_PARENT`] for roots `(tokens)`.
    pub fn parents(&self) -> &[u32] {
        &self.parents
    }

    /// Packed index at which every node's subtree ends `(tokens)`.
    pub fn exits(&self) -> &[u32] {
        &self.exits
    }

    /// The longest sequence's length.
    pub fn max_len(&self) -> usize {
        self.depths.iter().max().map_or(0, |d| *d as usize + 1)
    }

    /// The nodes of the last `count` tokens up to and including `node`, in sequence order.
    pub fn tail(&self, node: u32, count: usize) -> Vec<u32> {
        let up = |n: &u32| Some(self.parents[*n as usize]).filter(|p| *p != NO_PARENT);
        let mut nodes: Vec<u32> = std::iter::successors(Some(node), up).take(count).collect();
        nodes.reverse();
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shares_prefixes_and_keeps_branches() {
        let (forest, ends) =
            Forest::build(&[vec![1, 2, 3], vec![1, 2], vec![1, 4], vec![5], vec![1, 2, 3]]);
        assert_eq!(forest.tokens(), [1, 2, 3, 4, 5]);
        assert_eq!(forest.depths(), [0, 1, 2, 1, 0]);
        assert_eq!(forest.parents(), [NO_PARENT, 0, 1, 0, NO_PARENT]);
        assert_eq!(forest.exits(), [4, 3, 3, 4, 5]);
        assert_eq!(ends, [2, 1, 3, 4, 2]);
        assert_eq!(forest.tail(2, 2), [1, 2]);
        assert_eq!(forest.tail(2, 9), [0, 1, 2]);
    }

    proptest! {
        #[test]
        fn every_sequence_can_be_read_back(
            sequences in prop::collection::vec(prop::collection::vec(0u32..4, 0..9), 0..20)
        ) {
            let (forest, ends) = Forest::build(&sequences);
            for (sequence, &end) in sequences.iter().zip(&ends) {
                let nodes = if end == NO_PARENT { vec![] } else { forest.tail(end, usize::MAX) };
                let tokens: Vec<u32> = nodes.iter().map(|&n| forest.tokens()[n as usize]).collect();
                prop_assert_eq!(&tokens, sequence);
            }
            let mut prefixes: Vec<&[u32]> =
                sequences.iter().flat_map(|s| (1..=s.len()).map(move |n| &s[..n])).collect();
            prefixes.sort();
            prefixes.dedup();
            prop_assert_eq!(forest.len(), prefixes.len(), "one node per distinct prefix");
        }

        #[test]
        fn the_exit_mask_is_the_ancestor_relation(
            sequences in prop::collection::vec(prop::collection::vec(0u32..3, 1..7), 1..12)
        ) {
            let (forest, _) = Forest::build(&sequences);
            for i in 0..forest.len() as u32 {
                let ancestors = forest.tail(i, usize::MAX);
                for j in 0..forest.len() as u32 {
                    let seen = j <= i && i < forest.exits()[j as usize];
                    prop_assert_eq!(seen, ancestors.contains(&j));
                }
            }
        }

        #[test]
        fn packing_ignores_the_order_of_the_sequences(
            mut sequences in prop::collection::vec(prop::collection::vec(0u32..3, 1..7), 1..12)
        ) {
            let (forest, _) = Forest::build(&sequences);
            sequences.reverse();
            prop_assert_eq!(forest, Forest::build(&sequences).0);
        }
    }
}
