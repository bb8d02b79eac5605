//! Scoring that remembers what prompts began with.

use std::collections::HashMap;

use super::scorer::score_by_reach;
use super::scorer::{Read, ScoreRow, Scores, check_row, full_length, order, targets};
use crate::config::{ModelConfig, Reach};
use crate::decoder::{Activations, Decoder, KvCache, Step, tokens_to_keep};
use crate::error::EngineError;
use crate::forest::{NO_PARENT, Plans};
use crate::kernels::Kernels;
use crate::lora::Adapter;

/// New tokens computed together at most, unless one row has more.
const MAX_STEP: usize = 2048;

/// Keys and values of prompts scored so far, by prefix. Where questions come one after the other
/// and begin alike, as scenes of a game do with its rules, each distinct prefix is computed once.
///
/// It belongs to one decoder and adapter. When it is full it forgets everything: what is asked
/// again is computed again, so that results do not depend on its size but for rounding.
pub struct PrefixCache<K: Kernels> {
    capacity: usize,
    memory: Option<KvCache<K>>,
    /// What all that is remembered reaches to.
    reach: Option<Reach>,
    activations: Activations<K::Buffer>,
    /// Token, parent and depth by slot.
    tokens: Vec<u32>,
    parents: Vec<u32>,
    depths: Vec<u32>,
    /// The slot that continues a slot (or [`NO_PARENT`]) with a token.
    next: HashMap<(u32, u32), u32>,
}

impl<K: Kernels> PrefixCache<K> {
    /// A cache of at most `capacity` tokens, or of what a card has memory for; a row that has more
    /// gets what it needs.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            memory: None,
            reach: None,
            activations: Activations::default(),
            tokens: Vec::new(),
            parents: Vec::new(),
            depths: Vec::new(),
            next: HashMap::new(),
        }
    }

    /// Scores `rows` as [`score`](super::score) does. `progress` is called with the number of rows
    /// finished; it returns `false` to stop early.
    ///
    /// # Errors
    /// As of [`score`](super::score).
    pub fn score(
        &mut self,
        decoder: &Decoder<K>,
        adapter: Option<&Adapter<K>>,
        rows: &[ScoreRow],
        progress: impl FnMut(usize) -> bool,
    ) -> Result<Scores, EngineError> {
        for (index, row) in rows.iter().enumerate() {
            check_row(row, index, decoder.config().vocab_size)?;
        }
        score_by_reach(decoder.config(), rows, progress, |rows, progress| {
            self.score_alike(decoder, adapter, rows, progress)
        })
    }

    /// Scores rows whose candidates have one reach each.
    fn score_alike(
        &mut self,
        decoder: &Decoder<K>,
        adapter: Option<&Adapter<K>>,
        rows: &[ScoreRow],
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Scores, EngineError> {
        let mut scores = Scores {
            rows: rows.iter().map(|row| vec![0.0; row.candidates.len()]).collect(),
            unique_tokens: 0,
        };
        if self.memory.is_none() {
            self.capacity = self.capacity.min(tokens_to_keep(decoder));
        }
        // Rows that begin alike become neighbours, so that what is new of them lies together.
        let config = decoder.config();
        let order = order(rows, |row| config.reach(full_length(&rows[row])));
        let mut waiting = order.as_slice();
        while !waiting.is_empty() {
            let (now, later) = waiting.split_at(self.fitting(config, rows, waiting));
            self.step(decoder, adapter, rows, now, &mut scores)?;
            waiting = later;
            if !progress(rows.len() - waiting.len()) {
                return Err(EngineError::Cancelled);
            }
        }
        Ok(scores)
    }

    /// How many of the `waiting` rows are computed next; at least one. Forgets everything if there
    /// is no room for it.
    fn fitting(&mut self, config: &ModelConfig, rows: &[ScoreRow], waiting: &[usize]) -> usize {
        let Some(&first) = waiting.first() else { return 0 };
        let reach = |row: usize| Some(config.reach(full_length(&rows[row])));
        if self.reach != reach(first) {
            self.forget();
            self.memory = None;
            self.reach = reach(first);
        }
        if self.tokens.len() + self.missing(&rows[first]) > self.capacity {
            self.forget();
            let needed = self.missing(&rows[first]);
            if needed > self.capacity {
                self.capacity = needed;
                self.memory = None;
            }
        }
        let most = MAX_STEP.min(self.capacity - self.tokens.len());
        let mut new = 0;
        let fits = waiting.iter().take_while(|&&row| {
            new += self.missing(&rows[row]);
            new <= most && reach(row) == self.reach
        });
        fits.count().max(1)
    }

    /// Tokens of a row that are not known yet, at most.
    fn missing(&self, row: &ScoreRow) -> usize {
        let mut at = NO_PARENT;
        let known = row.prompt.iter().take_while(|&&token| match self.next.get(&(at, token)) {
            Some(&slot) => {
                at = slot;
                true
            }
            None => false,
        });
        let candidates: usize = row.candidates.iter().map(|ids| ids.len() - 1).sum();
        // The prompt's last token is computed in any case: something is read there.
        row.prompt.len() - known.count().min(row.prompt.len() - 1) + candidates
    }

    fn forget(&mut self) {
        self.tokens.clear();
        self.parents.clear();
        self.depths.clear();
        self.next.clear();
    }

    /// Computes what is new of the rows `now` and reads their candidates' log-probabilities.
    fn step(
        &mut self,
        decoder: &Decoder<K>,
        adapter: Option<&Adapter<K>>,
        rows: &[ScoreRow],
        now: &[usize],
        scores: &mut Scores,
    ) -> Result<(), EngineError> {
        let first = self.tokens.len() as u32;
        let mut reads = self.insert(rows, now, first);
        if reads.is_empty() {
            return Ok(());
        }
        reads.sort_by_key(|read| read.node);
        let mut nodes: Vec<u32> = reads.iter().map(|read| read.node).collect();
        nodes.dedup();
        let length = now.first().map_or(0, |&row| full_length(&rows[row]));
        self.compute(decoder, adapter, (first, length), &nodes);
        let found = decoder.log_probs(&self.activations, &targets(&reads, &nodes));
        for (read, log_p) in reads.iter().zip(found) {
            if !log_p.is_finite() {
                return Err(decoder.non_finite("a log-probability"));
            }
            scores.rows[read.row][read.candidate] += f64::from(log_p);
        }
        scores.unique_tokens += self.tokens.len() - first as usize;
        // What is read must be computed, so that it is not to be found the next time.
        for node in nodes {
            let (parent, token) = (self.parents[node as usize], self.tokens[node as usize]);
            self.next.remove(&(parent, token));
        }
        Ok(())
    }

    /// Gives slots to what is new of the rows `now`: those from `first` on.
    fn insert(&mut self, rows: &[ScoreRow], now: &[usize], first: u32) -> Vec<Read> {
        let mut reads = Vec::new();
        for &row in now.iter().filter(|&&row| !rows[row].candidates.is_empty()) {
            let (&last, before) = match rows[row].prompt.split_last() {
                Some(split) => split,
                None => continue,
            };
            let end = before.iter().fold(NO_PARENT, |at, &token| self.follow(at, token));
            let end = match self.next.get(&(end, last)) {
                Some(&known) if known >= first => known,
                _ => self.add(end, last),
            };
            for (candidate, ids) in rows[row].candidates.iter().enumerate() {
                let mut node = end;
                for (place, &token) in ids.iter().enumerate() {
                    reads.push(Read { node, token, row, candidate });
                    if place + 1 < ids.len() {
                        node = self.follow(node, token);
                    }
                }
            }
        }
        reads
    }

    /// The slot that continues `parent` with `token`.
    fn follow(&mut self, parent: u32, token: u32) -> u32 {
        match self.next.get(&(parent, token)) {
            Some(&known) => known,
            None => self.add(parent, token),
        }
    }

    fn add(&mut self, parent: u32, token: u32) -> u32 {
        let slot = self.tokens.len() as u32;
        let depth = self.depths.get(parent as usize).map_or(0, |depth| depth + 1);
        self.tokens.push(token);
        self.parents.push(parent);
        self.depths.push(depth);
        self.next.insert((parent, token), slot);
        slot
    }

    /// Computes the slots from `first` on, which belong to texts of the reach of one of `length`
    /// tokens, and leaves the final states of `nodes`.
    fn compute(
        &mut self,
        decoder: &Decoder<K>,
        adapter: Option<&Adapter<K>>,
        (first, length): (u32, usize),
        nodes: &[u32],
    ) {
        let capacity = self.capacity;
        let memory = self.memory.get_or_insert_with(|| decoder.cache(capacity, capacity, length));
        let slots: Vec<u32> = (first..self.tokens.len() as u32).collect();
        let reads: Vec<u32> = nodes.iter().map(|node| node - first).collect();
        let depths = &self.depths[first as usize..];
        let longest = depths.iter().max().map_or(0, |&depth| depth as usize + 1);
        let window = decoder.config().options.window;
        let step = Step {
            tokens: &self.tokens[first as usize..],
            positions: depths,
            slots: &slots,
            plans: &Plans::new(&self.parents, &slots, window, longest),
            reads: &reads,
        };
        decoder.extend_states(adapter, &step, memory, &mut self.activations);
    }
}
