//! An attention plan as the card's kernels read it; pure arithmetic.

use super::attention_class::KEYS;
use crate::forest::AttentionPlan;
use std::ops::Range;

/// Tiles that one work item of the keys' gradients goes through at least; keys that more of them see
/// (a prefix that all rows share) are several items' work.
const ENTRIES: usize = 16;
/// Keys for each slot at least. Slots take memory, of which long texts would need ever more: there,
/// items go through more tiles.
const KEYS_PER_SLOT: usize = 8;
/// Numbers that slots hold for each number of a key, at most: the gradients of a block's keys and
/// values.
pub(crate) const SLOT_NUMBERS_PER_KEY: usize = 2 * KEYS as usize / KEYS_PER_SLOT;
/// The slot of an item that writes its gradients itself.
const NO_SLOT: u32 = u32::MAX;

/// The tiles of a plan; see `attention_tiles.cuh`.
#[derive(Debug, Default)]
pub(super) struct Tiles {
    /// First query, queries, first run, end of the runs, keys.
    pub tiles: Vec<[u32; 5]>,
    /// First key and its position, per run of each tile.
    pub runs: Vec<[u32; 2]>,
    /// The positions that each query sees, from and to.
    pub seen: Vec<[u32; 2]>,
    /// Rows of the largest tile.
    pub most_rows: usize,
}

impl Tiles {
    /// Cuts the queries of `plan` into tiles of at most `rows` rows, `group` per query; but a query
    /// is not cut.
    pub fn new(plan: &AttentionPlan, group: usize, rows: usize) -> Self {
        let mut tiles = Self { seen: seen(plan), ..Self::default() };
        let most = (rows / group.max(1)).max(1);
        for (span, queries) in stretches(plan) {
            for from in queries.clone().step_by(most) {
                let to = (from + most).min(queries.end);
                tiles.push(plan, span, from..to);
                tiles.most_rows = tiles.most_rows.max((to - from) * group);
            }
        }
        tiles
    }

    fn push(&mut self, plan: &AttentionPlan, span: usize, queries: Range<usize>) {
        let span = &plan.spans()[span];
        let first_run = self.runs.len() as u32;
        let last = plan.queries()[queries.end - 1] as usize;
        let own = span.own_start..last + 1;
        let mut position = 0;
        for run in plan.ancestors(span).chain([own]) {
            self.runs.push([run.start as u32, position]);
            position += run.len() as u32;
        }
        let end_run = self.runs.len() as u32;
        let (from, count) = (queries.start as u32, queries.len() as u32);
        self.tiles.push([from, count, first_run, end_run, position]);
    }

    /// The keys of a tile that somebody sees, as runs of packed keys with their first position.
    fn keys_seen(&self, tile: usize) -> impl Iterator<Item = (Range<u32>, u32)> {
        let [first_query, _, first_run, end_run, keys] = self.tiles[tile];
        let first_seen = self.seen[first_query as usize][0];
        let runs = first_run as usize..end_run as usize;
        runs.clone().filter_map(move |run| {
            let [key, position] = self.runs[run];
            let end = if run + 1 < runs.end { self.runs[run + 1][1] } else { keys };
            let from = position.max(first_seen);
            (from < end).then(|| (key + (from - position)..key + (end - position), from))
        })
    }
}

/// The positions each query sees.
fn seen(plan: &AttentionPlan) -> Vec<[u32; 2]> {
    let of_span = |span: &crate::forest::Span| {
        let keys = plan.keys(span).map(|run| run.len()).sum();
        let span = span.clone();
        span.queries.clone().map(move |row| plan.seen(&span, row, keys))
    };
    let ranges = plan.spans().iter().flat_map(of_span);
    ranges.map(|range| [range.start as u32, range.end as u32]).collect()
}

/// Neighbouring spans taken together as far as they see the same: a span and all their queries.
fn stretches(plan: &AttentionPlan) -> Vec<(usize, Range<usize>)> {
    let mut stretches: Vec<(usize, Range<usize>)> = Vec::new();
    for (index, span) in plan.spans().iter().enumerate() {
        match stretches.last_mut() {
            Some((first, queries)) if plan.continues(&plan.spans()[*first], span) => {
                queries.end = span.queries.end;
            }
            _ => stretches.push((index, span.queries.clone())),
        }
    }
    stretches
}

/// Who sees which keys: the work on the gradients of keys and values; see `attention_backward.cu`.
#[derive(Debug, Default)]
pub(super) struct KeyWork {
    /// Block of keys, first entry, end of the entries, slot.
    pub items: Vec<[u32; 4]>,
    /// Tile, what leads from a key to its position, first key seen, end of the keys seen.
    pub entries: Vec<[u32; 4]>,
    /// Block of keys, first slot, end of the slots.
    pub slots: Vec<[u32; 3]>,
    /// Slots in all.
    pub slot_count: usize,
}

impl KeyWork {
    /// The work on `keys` keys.
    pub fn new(tiles: &Tiles, keys: usize) -> Self {
        let mut seers = vec![Vec::new(); keys.div_ceil(KEYS as usize)];
        for tile in 0..tiles.tiles.len() {
            for (run, position) in tiles.keys_seen(tile) {
                let shift = position.wrapping_sub(run.start);
                for block in run.start / KEYS..=(run.end - 1) / KEYS {
                    let from = run.start.max(block * KEYS);
                    let to = run.end.min((block + 1) * KEYS);
                    seers[block as usize].push([tile as u32, shift, from, to]);
                }
            }
        }
        let slots = |entries: usize| -> usize {
            let shared = seers.iter().filter(|seers| seers.len() > entries);
            shared.map(|seers| seers.len().div_ceil(entries)).sum()
        };
        let mut entries = ENTRIES;
        while slots(entries) > keys.div_ceil(KEYS_PER_SLOT) {
            entries *= 2;
        }
        let mut work = Self::default();
        for (block, seers) in seers.iter().enumerate() {
            work.push(block as u32, seers, entries);
        }
        work
    }

    /// Cuts the work on a block of keys into items of at most `entries` of its `seers`.
    fn push(&mut self, block: u32, seers: &[[u32; 4]], entries: usize) {
        let first_slot = self.slot_count as u32;
        let is_shared = seers.len() > entries;
        for part in seers.chunks(entries) {
            let from = self.entries.len() as u32;
            self.entries.extend(part);
            let slot = if is_shared { self.slot_count as u32 } else { NO_SLOT };
            self.slot_count += usize::from(is_shared);
            self.items.push([block, from, from + part.len() as u32, slot]);
        }
        if is_shared {
            self.slots.push([block, first_slot, self.slot_count as u32]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::Forest;
    use proptest::prelude::*;

    /// The keys that a query of a tile sees, by the tables alone.
    fn keys_of(tiles: &Tiles, tile: usize, query: usize) -> Vec<u32> {
        let [_, _, first_run, end_run, keys] = tiles.tiles[tile];
        let [from, to] = tiles.seen[query];
        assert!(to <= keys);
        let key_at = |position: u32| {
            let runs = &tiles.runs[first_run as usize..end_run as usize];
            let [key, first] = *runs.iter().rfind(|run| run[1] <= position).unwrap();
            key + (position - first)
        };
        (from..to).map(key_at).collect()
    }

    fn case() -> impl Strategy<Value = (Forest, Vec<u32>, usize)> {
        let sequences = prop::collection::vec(prop::collection::vec(0u32..3, 1..70), 1..20);
        let window = prop_oneof![Just(usize::MAX), 1usize..45];
        (sequences, prop::collection::vec(any::<bool>(), 97), window).prop_map(
            |(sequences, keep, window)| {
                let (forest, _) = Forest::build(&sequences);
                let all = 0..forest.len() as u32;
                let queries = all.filter(|&i| keep[i as usize % keep.len()]).collect();
                (forest, queries, window)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn tiles_cover_all_queries_and_show_them_their_ancestors(
            (forest, queries, window) in case(), group in 1usize..40, rows in 1usize..70,
        ) {
            let plan = AttentionPlan::windowed(forest.parents(), &queries, window);
            let tiles = Tiles::new(&plan, group, rows);
            let mut next = 0;
            for (tile, &[first, count, ..]) in tiles.tiles.iter().enumerate() {
                prop_assert_eq!(first, next);
                prop_assert!(count == 1 || count as usize * group <= rows);
                prop_assert!(count as usize * group <= tiles.most_rows);
                for query in first..first + count {
                    let query = query as usize;
                    let ancestors = forest.tail(queries[query], window);
                    prop_assert_eq!(keys_of(&tiles, tile, query), ancestors);
                    // The kernels take the first and last query for the tile's limits.
                    let limits = [tiles.seen[first as usize][0], tiles.seen[query][1]];
                    prop_assert!(limits[0] <= tiles.seen[query][0]);
                    prop_assert!(limits[1] >= tiles.seen[first as usize][1]);
                }
                next = first + count;
            }
            prop_assert_eq!(next as usize, queries.len());
        }

        #[test]
        fn key_work_holds_every_pair_of_query_and_key_once((forest, queries, window) in case()) {
            let plan = AttentionPlan::windowed(forest.parents(), &queries, window);
            let tiles = Tiles::new(&plan, 2, 32);
            let work = KeyWork::new(&tiles, forest.len());
            let mut found = vec![Vec::new(); queries.len()];
            let (mut slots, mut most) = (0, 0);
            let mut seers = std::collections::BTreeMap::new();
            for &[block, from, to, slot] in &work.items {
                prop_assert!(from < to);
                *seers.entry(block).or_insert(0) += (to - from) as usize;
                most = most.max((to - from) as usize);
                slots += usize::from(slot != NO_SLOT);
                for &[tile, shift, key_from, key_to] in &work.entries[from as usize..to as usize] {
                    prop_assert!(key_from >= block * KEYS && key_to <= (block + 1) * KEYS);
                    let [first, count, ..] = tiles.tiles[tile as usize];
                    for query in first..first + count {
                        let [seen_from, seen_to] = tiles.seen[query as usize];
                        let sees = |key: &u32| {
                            (seen_from..seen_to).contains(&key.wrapping_add(shift))
                        };
                        found[query as usize].extend((key_from..key_to).filter(sees));
                    }
                }
            }
            prop_assert_eq!(slots, work.slot_count);
            // Items are only larger than usual where more slots than there may be would be needed.
            let usual = seers.values().filter(|&&seers| seers > ENTRIES);
            let usual: usize = usual.map(|seers| seers.div_ceil(ENTRIES)).sum();
            let possible = forest.len().div_ceil(KEYS_PER_SLOT);
            prop_assert!(slots <= possible && (most <= ENTRIES || usual > possible));
            let summed: u32 = work.slots.iter().map(|[_, from, to]| to - from).sum();
            prop_assert_eq!(summed as usize, slots);
            for (query, mut keys) in found.into_iter().enumerate() {
                keys.sort_unstable();
                prop_assert_eq!(keys, forest.tail(queries[query], window));
            }
        }
    }

    #[test]
    fn keys_that_all_rows_share_are_several_items_work() {
        let rows: Vec<Vec<u32>> = (0..40).map(|i| (0..40).chain([100 + i; 3]).collect()).collect();
        let (forest, _) = Forest::build(&rows);
        let all: Vec<u32> = (0..forest.len() as u32).collect();
        let plan = AttentionPlan::new(forest.parents(), &all);
        let work = KeyWork::new(&Tiles::new(&plan, 1, 64), forest.len());
        let [block, from, to] = work.slots[0];
        assert_eq!((block, from), (0, 0));
        assert!(to >= 2 && work.items[0][3] == 0 && work.items[1][3] == 1);
        assert_eq!(work.items.last().unwrap()[3], NO_SLOT);
    }

    #[test]
    fn a_long_text_takes_larger_items_instead_of_more_memory() {
        // 188 tiles of 16 queries see the first of 94 blocks, all but the last block in common.
        let (forest, _) = Forest::build(&[(0..3000).collect::<Vec<u32>>()]);
        let all: Vec<u32> = (0..3000).collect();
        let plan = AttentionPlan::new(forest.parents(), &all);
        let work = KeyWork::new(&Tiles::new(&plan, 2, 32), forest.len());
        let most = work.items.iter().map(|[_, from, to, _]| to - from).max().unwrap() as usize;
        assert_eq!(most, 2 * ENTRIES);
        assert!(work.slot_count > 187 && work.slot_count <= 375, "{}", work.slot_count);
    }
}
