//! Cutting rows into forests that fit a token budget.

use std::ops::Range;

/// Cuts `sequences`, which are sorted, into consecutive ranges whose forests hold at most
/// `max_tokens` distinct tokens each (a longer single sequence gets a range of its own). Sequence
/// `i` is counted with `extra(i)` further tokens, shared with no other. Sequences whose `kind`
/// differs never meet; they are sorted by it first.
pub(crate) fn cut_by_tokens<S: AsRef<[u32]>, Kind: PartialEq>(
    sequences: &[S],
    extra: impl Fn(usize) -> usize,
    kind: impl Fn(usize) -> Kind,
    max_tokens: usize,
) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut tokens) = (0, 0);
    for (i, sequence) in sequences.iter().enumerate() {
        let sequence = sequence.as_ref();
        let shared = if i == start { 0 } else { common(sequences[i - 1].as_ref(), sequence) };
        let new = sequence.len() - shared + extra(i);
        if i > start && (tokens + new > max_tokens || kind(i) != kind(i - 1)) {
            ranges.push(start..i);
            (start, tokens) = (i, sequence.len() + extra(i));
        } else {
            tokens += new;
        }
    }
    if start < sequences.len() {
        ranges.push(start..sequences.len());
    }
    ranges
}

fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::Forest;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_cover_all_and_keep_the_budget(
            mut rows in prop::collection::vec(prop::collection::vec(0u32..3, 1..8), 0..30),
            budget in 1usize..20,
        ) {
            rows.sort();
            let ranges = cut_by_tokens(&rows, |_| 0, |_| (), budget);
            let covered: Vec<usize> = ranges.iter().cloned().flatten().collect();
            prop_assert_eq!(covered, (0..rows.len()).collect::<Vec<_>>());
            for range in ranges {
                let tokens = Forest::build(&rows[range.clone()]).0.len();
                prop_assert!(tokens <= budget || range.len() == 1);
            }
        }
    }

    #[test]
    fn other_kinds_get_ranges_of_their_own() {
        let rows = [vec![1], vec![1, 2], vec![1, 2, 3], vec![1, 2, 3, 4]];
        let ranges = cut_by_tokens(&rows, |_| 0, |i| rows[i].len() > 2, 100);
        assert_eq!(ranges, [0..2, 2..4]);
    }
}
