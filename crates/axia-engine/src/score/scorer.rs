//! Scoring rows of one prompt and several candidates through prefix forests, batch by batch.

use crate::config::{ModelConfig, Reach};
use crate::decoder::{Activations, Decoder, Keep, explain};
use crate::error::EngineError;
use crate::forest::Forest;
use crate::kernels::{Kernels, Target};
use crate::lora::Adapter;
use std::ops::Range;

/// One prompt and the continuations whose log-likelihoods are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreRow {
    /// Token ids of the prompt; at least one.
    pub prompt: Vec<u32>,
    /// Token ids of each candidate; at least one token each.
    pub candidates: Vec<Vec<u32>>,
}

/// What scoring found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scores {
    /// Log-likelihood of every candidate of every row: `Σ log p(token | prompt, tokens before)`.
    pub rows: Vec<Vec<f64>>,
    /// Tokens computed: distinct prefixes, candidates' last tokens left out.
    pub unique_tokens: usize,
}

/// Where a log-probability belongs.
pub(super) struct Read {
    pub node: u32,
    pub token: u32,
    pub row: usize,
    pub candidate: usize,
}

/// Scores `rows` in forests of at most `max_tokens` distinct tokens, or of one row where that
/// alone has more. `progress` is called with the number of rows finished; it returns `false` to
/// stop early, which gives [`EngineError::Cancelled`].
///
/// # Errors
/// [`EngineError::EmptySequence`] for an empty prompt or candidate, [`EngineError::TokenRange`]
/// for ids outside the vocabulary, [`EngineError::NonFinite`] or the damaged tensor where NaN or
/// infinity came out, [`EngineError::PassMemory`] where a card's memory is too small.
pub fn score<K: Kernels>(
    decoder: &Decoder<K>,
    adapter: Option<&Adapter<K>>,
    rows: &[ScoreRow],
    max_tokens: usize,
    progress: impl FnMut(usize) -> bool,
) -> Result<Scores, EngineError> {
    for (index, row) in rows.iter().enumerate() {
        check_row(row, index, decoder.config().vocab_size)?;
    }
    score_by_reach(decoder.config(), rows, progress, |rows, progress| {
        score_alike(decoder, adapter, rows, max_tokens, progress)
    })
}

/// Scores rows whose candidates have one reach each.
fn score_alike<K: Kernels>(
    decoder: &Decoder<K>,
    adapter: Option<&Adapter<K>>,
    rows: &[ScoreRow],
    max_tokens: usize,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<Scores, EngineError> {
    let reach = |row: usize| decoder.config().reach(full_length(&rows[row]));
    let order = order(rows, reach);
    let prompts: Vec<&[u32]> = order.iter().map(|&i| rows[i].prompt.as_slice()).collect();
    let mut scores = Scores {
        rows: rows.iter().map(|row| vec![0.0; row.candidates.len()]).collect(),
        unique_tokens: 0,
    };
    let room = decoder.kernels().free_memory();
    let mut activations = Activations::default();
    // Candidates rarely share much: counting all of each row's keeps the budget.
    let candidate_tokens =
        |i: usize| rows[order[i]].candidates.iter().map(|ids| ids.len() - 1).sum();
    let reach = |i: usize| reach(order[i]);
    for range in cut_by_tokens(&prompts, candidate_tokens, reach, max_tokens) {
        let (forest, reads) = plan_reads(rows, &order[range.clone()]);
        let length = order.get(range.start).map_or(0, |&row| full_length(&rows[row]));
        let packed = (&forest, reads, length);
        score_forest(decoder, adapter, packed, &mut activations, &mut scores)
            .map_err(|error| explain(error, decoder.config(), Keep::Nothing, forest.len(), room))?;
        if !progress(range.end) {
            return Err(EngineError::Cancelled);
        }
    }
    Ok(scores)
}

/// Rows of one reach come together, and there those that begin alike become neighbours, so that
/// they meet in the same forest.
pub(super) fn order(rows: &[ScoreRow], reach: impl Fn(usize) -> Reach) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| {
        reach(a).cmp(&reach(b)).then_with(|| rows[a].prompt.cmp(&rows[b].prompt))
    });
    order
}

/// Tokens of a row with its longest candidate; all of them have one reach.
pub(super) fn full_length(row: &ScoreRow) -> usize {
    row.prompt.len() + row.candidates.iter().map(Vec::len).max().unwrap_or_default()
}

pub(super) fn check_row(row: &ScoreRow, index: usize, vocab: usize) -> Result<(), EngineError> {
    let parts = std::iter::once(&row.prompt).chain(&row.candidates);
    for (part, ids) in parts.enumerate() {
        let name = || match part {
            0 => "the prompt".to_owned(),
            n => format!("candidate {n}"),
        };
        if ids.is_empty() {
            return Err(EngineError::EmptySequence { row: index + 1, part: name() });
        }
        if let Some(&token) = ids.iter().find(|&&t| t as usize >= vocab) {
            return Err(EngineError::TokenRange { row: index + 1, part: name(), token, vocab });
        }
    }
    Ok(())
}

/// Scores rows packed into a forest; all are of the reach of one of `length` tokens.
fn score_forest<K: Kernels>(
    decoder: &Decoder<K>,
    adapter: Option<&Adapter<K>>,
    (forest, mut reads, length): (&Forest, Vec<Read>, usize),
    activations: &mut Activations<K::Buffer>,
    scores: &mut Scores,
) -> Result<(), EngineError> {
    reads.sort_by_key(|r| r.node);
    let mut nodes: Vec<u32> = reads.iter().map(|r| r.node).collect();
    nodes.dedup();
    let targets = targets(&reads, &nodes);
    let pass = decoder.pass_of_texts(forest, &nodes, length);
    decoder.forward(adapter, &pass, Keep::Nothing, activations);
    let found = decoder.log_probs(activations, &targets);
    for (read, log_p) in reads.iter().zip(found) {
        if !log_p.is_finite() {
            return Err(decoder.non_finite("a log-probability"));
        }
        scores.rows[read.row][read.candidate] += f64::from(log_p);
    }
    scores.unique_tokens += forest.len();
    Ok(())
}

/// Packs prompts with their candidates, less each candidate's last token: nothing is read after
/// it, so it need not be computed.
fn plan_reads(rows: &[ScoreRow], chosen: &[usize]) -> (Forest, Vec<Read>) {
    let mut sequences = Vec::new();
    let mut owners = Vec::new();
    for &row in chosen {
        for (candidate, ids) in rows[row].candidates.iter().enumerate() {
            let mut sequence = rows[row].prompt.clone();
            sequence.extend(&ids[..ids.len() - 1]);
            sequences.push(sequence);
            owners.push((row, candidate));
        }
    }
    let (forest, ends) = Forest::build(&sequences);
    let mut reads = Vec::new();
    for (&end, (row, candidate)) in ends.iter().zip(owners) {
        let ids = &rows[row].candidates[candidate];
        for (node, &token) in forest.tail(end, ids.len()).into_iter().zip(ids) {
            reads.push(Read { node, token, row, candidate });
        }
    }
    (forest, reads)
}

/// What is read at `nodes`; both are sorted by node.
pub(super) fn targets(reads: &[Read], nodes: &[u32]) -> Vec<Target> {
    let mut row = 0;
    reads
        .iter()
        .map(|read| {
            while nodes[row] != read.node {
                row += 1;
            }
            Target { row, token: read.token, weight: 0.0 }
        })
        .collect()
}

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

/// Candidates of one row that reach equally far.
struct Part {
    row: usize,
    candidates: Vec<usize>,
}

/// Scores `rows` by `score`, which is given rows whose candidates all have one reach: a candidate's
/// log-likelihood is that of its own text, whatever longer ones stand beside it. `progress` hears of
/// rows, finished ones or parts that add up to as many.
pub(super) fn score_by_reach(
    config: &ModelConfig,
    rows: &[ScoreRow],
    mut progress: impl FnMut(usize) -> bool,
    score: impl FnOnce(&[ScoreRow], &mut dyn FnMut(usize) -> bool) -> Result<Scores, EngineError>,
) -> Result<Scores, EngineError> {
    let parts = parts(config, rows);
    // Nearly always there is nothing to take apart.
    if parts.len() == rows.len() {
        return score(rows, &mut progress);
    }
    let split: Vec<ScoreRow> = parts.iter().map(|part| part.of(&rows[part.row])).collect();
    let found = score(&split, &mut |done| progress(done * rows.len() / split.len()))?;
    let mut all: Vec<Vec<f64>> = rows.iter().map(|row| vec![0.0; row.candidates.len()]).collect();
    for (part, scores) in parts.iter().zip(found.rows) {
        for (&candidate, score) in part.candidates.iter().zip(scores) {
            all[part.row][candidate] = score;
        }
    }
    Ok(Scores { rows: all, ..found })
}

/// Every row at least once, in order.
fn parts(config: &ModelConfig, rows: &[ScoreRow]) -> Vec<Part> {
    let mut parts = Vec::with_capacity(rows.len());
    for (row, ScoreRow { prompt, candidates }) in rows.iter().enumerate() {
        let reach = |&candidate: &usize| {
            config.reach(prompt.len() + candidates.get(candidate).map_or(0, Vec::len))
        };
        let mut left: Vec<usize> = (0..candidates.len()).collect();
        loop {
            let first = left.first().map(reach);
            let (now, later) = left.into_iter().partition(|one| Some(reach(one)) == first);
            parts.push(Part { row, candidates: now });
            left = later;
            if left.is_empty() {
                break;
            }
        }
    }
    parts
}

impl Part {
    fn of(&self, row: &ScoreRow) -> ScoreRow {
        let candidates = self.candidates.iter().map(|&one| row.candidates[one].clone()).collect();
        ScoreRow { prompt: row.prompt.clone(), candidates }
    }
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
