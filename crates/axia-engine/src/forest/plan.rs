//! Which keys each query of a forest sees, as contiguous runs.

use super::trie::NO_PARENT;
use std::ops::Range;

/// Most queries in one span; with grouped heads this fills the register tiles of the kernels
/// while the score block still fits the first-level caches.
const MAX_QUERIES: usize = 16;

/// The attention work of a set of queries over packed keys.
///
/// A *run* is a maximal stretch of packed indices in which every node is the child of the one
/// before it. The ancestors of a node are whole stretches of the runs above it, so attention
/// needs no mask but the causal one inside the query's own run.
#[derive(Debug, Clone, Default)]
pub struct AttentionPlan {
    /// Packed key index of every query, ascending.
    queries: Vec<u32>,
    spans: Vec<Span>,
    runs: Vec<(u32, u32)>,
}

/// A few neighbouring queries of one run, which share all keys above the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Query rows `(from, to)`.
    pub queries: Range<usize>,
    /// The part of [`AttentionPlan::runs`] that lists the key ranges above the run.
    ancestors: Range<usize>,
    /// First key of the run that the queries stand in.
    pub own_start: usize,
}

impl AttentionPlan {
    /// Plans attention for the nodes `queries` (ascending) of a forest given by its `parents`
    /// (each before its children).
    pub fn new(parents: &[u32], queries: &[u32]) -> Self {
        let starts = run_starts(parents);
        let mut plan = Self { queries: queries.to_vec(), ..Self::default() };
        let mut last_start = None;
        for (row, &query) in queries.iter().enumerate() {
            let start = starts[query as usize];
            match plan.spans.last_mut() {
                Some(span) if last_start == Some(start) && span.queries.len() < MAX_QUERIES => {
                    span.queries.end = row + 1;
                }
                Some(span) if last_start == Some(start) => {
                    let next = Span { queries: row..row + 1, ..span.clone() };
                    plan.spans.push(next);
                }
                _ => {
                    let ancestors = plan.push_ancestors(parents, &starts, start);
                    let own_start = start as usize;
                    plan.spans.push(Span { queries: row..row + 1, ancestors, own_start });
                }
            }
            last_start = Some(start);
        }
        plan
    }

    /// Plans attention for every node.
    pub fn all(parents: &[u32]) -> Self {
        Self::new(parents, &(0..parents.len() as u32).collect::<Vec<_>>())
    }

    fn push_ancestors(&mut self, parents: &[u32], starts: &[u32], start: u32) -> Range<usize> {
        let from = self.runs.len();
        let mut parent = parents[start as usize];
        while parent != NO_PARENT {
            let above = starts[parent as usize];
            self.runs.push((above, parent + 1));
            parent = parents[above as usize];
        }
        self.runs[from..].reverse();
        from..self.runs.len()
    }

    /// Packed key index of every query `(queries)`.
    pub fn queries(&self) -> &[u32] {
        &self.queries
    }

    /// The spans, which together cover the queries in order.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The key ranges that every query of `span` sees in full, root first.
    pub fn ancestors(&self, span: &Span) -> impl Iterator<Item = Range<usize>> + Clone {
        self.runs[span.ancestors.clone()].iter().map(|&(a, b)| a as usize..b as usize)
    }

    /// All key ranges of `span`: those above its run and its own run up to its last query.
    pub fn keys(&self, span: &Span) -> impl Iterator<Item = Range<usize>> + Clone {
        let last = self.queries[span.queries.end - 1] as usize;
        self.ancestors(span).chain(std::iter::once(span.own_start..last + 1))
    }

    /// How many of the keys that [`Self::keys`] lists the query in `row` sees: all but the
    /// siblings after it in its own run.
    pub fn visible(&self, span: &Span, row: usize, keys: usize) -> usize {
        let last = self.queries[span.queries.end - 1];
        keys - (last - self.queries[row]) as usize
    }
}

fn run_starts(parents: &[u32]) -> Vec<u32> {
    let mut starts = Vec::with_capacity(parents.len());
    for (i, &parent) in parents.iter().enumerate() {
        let follows = parent != NO_PARENT && parent as usize + 1 == i;
        starts.push(if follows { starts[i - 1] } else { i as u32 });
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::super::Forest;
    use super::*;
    use proptest::prelude::*;

    fn seen(plan: &AttentionPlan, span: &Span, row: usize) -> Vec<u32> {
        let keys: Vec<u32> = plan.keys(span).flatten().map(|k| k as u32).collect();
        keys[..plan.visible(span, row, keys.len())].to_vec()
    }

    proptest! {
        #[test]
        fn every_query_sees_exactly_its_ancestors(
            sequences in prop::collection::vec(prop::collection::vec(0u32..3, 1..40), 1..12),
            keep in prop::collection::vec(any::<bool>(), 480),
        ) {
            let (forest, _) = Forest::build(&sequences);
            let queries: Vec<u32> =
                (0..forest.len() as u32).filter(|&i| keep[i as usize % keep.len()]).collect();
            let plan = AttentionPlan::new(forest.parents(), &queries);
            let mut next = 0;
            for span in plan.spans() {
                prop_assert_eq!(span.queries.start, next);
                next = span.queries.end;
                prop_assert!(span.queries.len() <= MAX_QUERIES);
                for row in span.queries.clone() {
                    let ancestors = forest.tail(plan.queries()[row], usize::MAX);
                    prop_assert_eq!(seen(&plan, span, row), ancestors);
                }
            }
            prop_assert_eq!(next, queries.len());
        }
    }
}
