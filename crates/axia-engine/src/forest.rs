//! The prefix forest: many token sequences, each distinct prefix computed once.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most queries in one span; with grouped heads this fills the register tiles of the kernels
/// while the score block still fits the first-level caches.
const MAX_QUERIES: usize = 16;

/// The window of a plan without one.
const UNLIMITED: usize = usize::MAX;

/// The attention work of a set of queries over packed keys.
///
/// A *run* is a maximal stretch of packed indices in which every node is the child of the one
/// before it. The ancestors of a node are whole stretches of the runs above it, so attention
/// needs no mask but the causal one inside the query's own run and, with a sliding window, the
/// mirror of it at the window's other end: each query sees a stretch of its span's keys.
#[derive(Debug, Clone)]
pub struct AttentionPlan {
    /// Packed key index of every query, ascending.
    queries: Vec<u32>,
    spans: Vec<Span>,
    runs: Vec<(u32, u32)>,
    /// How many of the nodes on its path, the last of which is itself, a query sees.
    window: usize,
    /// Its number; copies share it.
    id: u64,
}

/// A number that no plan has yet.
fn next_id() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

/// A few neighbouring queries of one run, which share all keys above the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Query rows `(from, to)`.
    pub queries: Range<usize>,
    /// The part of [`AttentionPlan::runs`] that lists the key ranges above the run.
    ancestors: Range<usize>,
    /// First key seen of the run that the queries stand in.
    pub own_start: usize,
}

impl AttentionPlan {
    /// Plans attention for the nodes `queries` (ascending) of a forest given by its `parents`
    /// (each before its children): every query sees its ancestors and itself.
    pub fn new(parents: &[u32], queries: &[u32]) -> Self {
        Self::windowed(parents, queries, UNLIMITED)
    }

    /// Like [`Self::new`], but a query sees only the last `window` (at least 1) of these nodes.
    pub fn windowed(parents: &[u32], queries: &[u32], window: usize) -> Self {
        let starts = run_starts(parents);
        let (spans, runs) = (Vec::new(), Vec::new());
        let mut plan = Self { queries: queries.to_vec(), spans, runs, window, id: next_id() };
        for (row, &query) in queries.iter().enumerate() {
            // Queries further apart than a window share no key.
            let neighbour = plan.spans.last_mut().filter(|span| {
                let first = queries[span.queries.start];
                starts[first as usize] == starts[query as usize]
                    && ((query - first) as usize) < window
            });
            match neighbour {
                Some(span) if span.queries.len() < MAX_QUERIES => span.queries.end = row + 1,
                // Without a window a whole run has the same keys above it.
                Some(span) if window == UNLIMITED => {
                    let next = Span { queries: row..row + 1, ..span.clone() };
                    plan.spans.push(next);
                }
                _ => plan.begin_span(parents, &starts, row),
            }
        }
        plan
    }

    /// Begins a span with the query in `row` and lists the keys that it sees.
    fn begin_span(&mut self, parents: &[u32], starts: &[u32], row: usize) {
        let query = self.queries[row];
        let start = starts[query as usize];
        let within = (self.window - 1).min((query - start) as usize);
        let mut left = self.window - 1 - within;
        let from = self.runs.len();
        let mut parent = parents[start as usize];
        while parent != NO_PARENT && left > 0 {
            let above = starts[parent as usize];
            let count = left.min((parent + 1 - above) as usize);
            self.runs.push((parent + 1 - count as u32, parent + 1));
            left -= count;
            parent = parents[above as usize];
        }
        self.runs[from..].reverse();
        let ancestors = from..self.runs.len();
        let own_start = query as usize - within;
        self.spans.push(Span { queries: row..row + 1, ancestors, own_start });
    }

    /// Packed key index of every query `(queries)`.
    pub fn queries(&self) -> &[u32] {
        &self.queries
    }

    /// The spans, which together cover the queries in order.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The key ranges of `span` above its run, root first.
    pub fn ancestors(&self, span: &Span) -> impl Iterator<Item = Range<usize>> + Clone {
        self.runs[span.ancestors.clone()].iter().map(|&(a, b)| a as usize..b as usize)
    }

    /// Tells plans apart: equal for a plan and its copies only.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Whether the queries of `next`, the span after `span`, see what those of `span` see and
    /// nothing more but nodes of the run that both stand in.
    pub fn continues(&self, span: &Span, next: &Span) -> bool {
        self.window == UNLIMITED
            && span.ancestors == next.ancestors
            && span.own_start == next.own_start
    }

    /// All key ranges of `span`: those above its run and its own run up to its last query.
    pub fn keys(&self, span: &Span) -> impl Iterator<Item = Range<usize>> + Clone {
        let last = self.queries[span.queries.end - 1] as usize;
        self.ancestors(span).chain(std::iter::once(span.own_start..last + 1))
    }

    /// Which of the `keys` keys that [`Self::keys`] lists the query in `row` sees: not its siblings
    /// after it in its own run, and not what lies before its window.
    pub fn seen(&self, span: &Span, row: usize, keys: usize) -> Range<usize> {
        let last = self.queries[span.queries.end - 1];
        let end = keys - (last - self.queries[row]) as usize;
        end.saturating_sub(self.window)..end
    }
}

/// The plans of one set of queries: for blocks that see everything and for windowed blocks.
#[derive(Debug, Clone)]
pub struct Plans {
    full: AttentionPlan,
    /// `None` where no sequence is longer than the window.
    windowed: Option<AttentionPlan>,
}

impl Plans {
    /// Plans attention as [`AttentionPlan::windowed`] does, for sequences of at most `longest`
    /// tokens.
    pub fn new(parents: &[u32], queries: &[u32], window: Option<usize>, longest: usize) -> Self {
        let windowed = window
            .filter(|window| *window < longest)
            .map(|window| AttentionPlan::windowed(parents, queries, window));
        Self { full: AttentionPlan::new(parents, queries), windowed }
    }

    /// [`Self::new`] for every node.
    pub fn all(parents: &[u32], window: Option<usize>, longest: usize) -> Self {
        let queries: Vec<u32> = (0..parents.len() as u32).collect();
        Self::new(parents, &queries, window, longest)
    }

    /// The plan for a block.
    pub fn of(&self, windowed: bool) -> &AttentionPlan {
        self.windowed.as_ref().filter(|_| windowed).unwrap_or(&self.full)
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
    use super::Forest;
    use super::*;
    use proptest::prelude::*;

    fn seen(plan: &AttentionPlan, span: &Span, row: usize) -> Vec<u32> {
        let keys: Vec<u32> = plan.keys(span).flatten().map(|k| k as u32).collect();
        keys[plan.seen(span, row, keys.len())].to_vec()
    }

    proptest! {
        #[test]
        fn every_query_sees_exactly_its_ancestors_within_the_window(
            sequences in prop::collection::vec(prop::collection::vec(0u32..3, 1..40), 1..12),
            keep in prop::collection::vec(any::<bool>(), 480),
            window in prop_oneof![Just(UNLIMITED), 1usize..45],
        ) {
            let (forest, _) = Forest::build(&sequences);
            let queries: Vec<u32> =
                (0..forest.len() as u32).filter(|&i| keep[i as usize % keep.len()]).collect();
            let plan = AttentionPlan::windowed(forest.parents(), &queries, window);
            let mut next = 0;
            for span in plan.spans() {
                prop_assert_eq!(span.queries.start, next);
                next = span.queries.end;
                prop_assert!(span.queries.len() <= MAX_QUERIES);
                for row in span.queries.clone() {
                    let ancestors = forest.tail(plan.queries()[row], window);
                    prop_assert_eq!(seen(&plan, span, row), ancestors);
                }
            }
            prop_assert_eq!(next, queries.len());
        }
    }

    #[test]
    fn a_window_lists_no_key_that_nobody_sees() {
        let (forest, _) = Forest::build(&[(0..100).collect::<Vec<u32>>()]);
        let plan = AttentionPlan::windowed(forest.parents(), &[20, 23, 24, 60], 4);
        let keys: Vec<_> = plan.spans().iter().flat_map(|span| plan.keys(span)).collect();
        assert_eq!(keys, [17..24, 21..25, 57..61]);
    }

    #[test]
    fn windows_that_change_nothing_are_not_planned() {
        let (forest, _) = Forest::build(&[vec![1, 2, 3]]);
        let plans = |window| Plans::all(forest.parents(), window, forest.max_len());
        assert!(plans(None).windowed.is_none() && plans(Some(3)).windowed.is_none());
        let short = plans(Some(2));
        assert_eq!((short.of(true).window, short.of(false).window), (2, UNLIMITED));
    }

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
