//! What a model makes of whole texts: the log-probability of every token and its likeliest rivals.

use super::batches::cut_by_tokens;
use super::reading::Reading;
use crate::config::ModelConfig;
use crate::decoder::{Activations, Decoder, Keep};
use crate::error::EngineError;
use crate::forest::Forest;
use crate::generate::{Sampler, Sampling};
use crate::kernels::Kernels;
use crate::lora::Adapter;
use rayon::prelude::*;
use std::ops::Range;

/// Logits held at a time (48 MB).
const LOGITS: usize = 12 << 20;

/// A text to be read token by token.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Token ids; at least one.
    pub tokens: Vec<u32>,
    /// How many of the likeliest tokens are told at every place.
    pub top: usize,
    /// How the token behind the text is drawn, and the seed, where one is wanted.
    pub next: Option<(Sampling, u64)>,
}

/// What came of a [`Text`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TextReadings {
    /// One reading for each of its tokens but the first, which nothing comes before.
    pub tokens: Vec<Reading>,
    /// The token that was drawn to follow.
    pub next: Option<Reading>,
}

/// The texts that are best computed together by a model of this shape: those that begin alike are
/// neighbours, and each group has at most `max_tokens` distinct tokens, or is one longer text.
pub fn groups<S: AsRef<[u32]>>(
    texts: &[S],
    config: &ModelConfig,
    max_tokens: usize,
) -> Vec<Vec<usize>> {
    let reach = |text: usize| config.reach(texts[text].as_ref().len());
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by_key(|&i| (reach(i), texts[i].as_ref()));
    let sorted: Vec<&[u32]> = order.iter().map(|&i| texts[i].as_ref()).collect();
    let ranges = cut_by_tokens(&sorted, |_| 0, |i| reach(order[i]), max_tokens);
    ranges.into_iter().map(|range| order[range].to_vec()).collect()
}

/// Reads `texts` in forests of at most `max_tokens` distinct tokens, or of one text where that
/// alone has more. The log-probabilities of a text's tokens add up to what [`score`](super::score)
/// gives for them as a candidate.
///
/// # Errors
/// [`EngineError::EmptySequence`] for an empty text, [`EngineError::TokenRange`] for ids outside
/// the vocabulary, [`EngineError::Setting`] for sampling that makes no sense,
/// [`EngineError::NonFinite`] or the damaged tensor where NaN or infinity came out.
pub fn read_texts<K: Kernels>(
    decoder: &Decoder<K>,
    adapter: Option<&Adapter<K>>,
    texts: &[Text],
    max_tokens: usize,
) -> Result<Vec<TextReadings>, EngineError> {
    for (index, text) in texts.iter().enumerate() {
        check(text, index, decoder.config().vocab_size)?;
    }
    let mut found = vec![TextReadings::default(); texts.len()];
    let mut activations = Activations::default();
    let fed: Vec<&[u32]> = texts.iter().map(Text::fed).collect();
    let whole: Vec<&[u32]> = texts.iter().map(|text| &*text.tokens).collect();
    for group in groups(&whole, decoder.config(), max_tokens) {
        let length = group.first().map_or(0, |&text| whole[text].len());
        let (forest, ends) =
            Forest::build(&group.iter().map(|&text| fed[text]).collect::<Vec<_>>());
        let mut reads = Vec::new();
        for (&text, &end) in group.iter().zip(&ends).filter(|(text, _)| !fed[**text].is_empty()) {
            let nodes = forest.tail(end, usize::MAX);
            reads.extend(nodes.into_iter().zip(1..).map(|(node, place)| (node, text, place)));
        }
        reads.sort_unstable();
        let nodes: Vec<u32> = (0..forest.len() as u32).collect();
        if nodes.is_empty() {
            continue;
        }
        let pass = decoder.pass_of_texts(&forest, &nodes, length);
        decoder.forward(adapter, &pass, Keep::Nothing, &mut activations);
        read_forest(decoder, &activations, texts, (&reads, nodes.len()), &mut found)?;
    }
    Ok(found)
}

impl Text {
    /// What is computed of it: nothing is read after the last token unless another is drawn.
    fn fed(&self) -> &[u32] {
        match self.next {
            Some(_) => &self.tokens,
            None => &self.tokens[..self.tokens.len().saturating_sub(1)],
        }
    }

    /// What the model makes of the `place`-th token, given the logits before it.
    fn read(&self, place: usize, logits: &[f32]) -> Option<Reading> {
        let token = match self.tokens.get(place) {
            Some(&token) => token,
            None => {
                let (sampling, seed) = self.next?;
                Sampler::new(sampling, seed).draw(logits)
            }
        };
        Reading::of(logits, token, self.top)
    }
}

fn check(text: &Text, index: usize, vocab: usize) -> Result<(), EngineError> {
    let (row, part) = (index + 1, "the text".to_owned());
    if text.tokens.is_empty() {
        return Err(EngineError::EmptySequence { row, part });
    }
    if let Some(&token) = text.tokens.iter().find(|&&t| t as usize >= vocab) {
        return Err(EngineError::TokenRange { row, part, token, vocab });
    }
    text.next.map_or(Ok(()), |(sampling, _)| sampling.check())
}

/// Reads all nodes of a forest; `reads` are node, text, and place in the text, by node.
fn read_forest<K: Kernels>(
    decoder: &Decoder<K>,
    activations: &Activations<K::Buffer>,
    texts: &[Text],
    (reads, nodes): (&[(u32, usize, usize)], usize),
    found: &mut [TextReadings],
) -> Result<(), EngineError> {
    let vocab = decoder.config().vocab_size;
    let step = (LOGITS / vocab.max(1)).max(1);
    let at = |node: usize| reads.partition_point(|read| (read.0 as usize) < node);
    for from in (0..nodes).step_by(step) {
        let rows = from..nodes.min(from + step);
        let logits = decoder.logits_of_rows(activations, rows.clone());
        let of_row = |node: u32| {
            let row = node as usize - from;
            &logits[row * vocab..][..vocab]
        };
        let here: Range<usize> = at(rows.start)..at(rows.end);
        let readings: Vec<Option<Reading>> = reads[here.clone()]
            .par_iter()
            .map(|&(node, text, place)| texts[text].read(place, of_row(node)))
            .collect();
        for (&(_, text, place), reading) in reads[here].iter().zip(readings) {
            let reading = reading.ok_or_else(|| decoder.non_finite("a log-probability"))?;
            // Nodes ascend along a text, so that its readings come in order.
            match place < texts[text].tokens.len() {
                true => found[text].tokens.push(reading),
                false => found[text].next = Some(reading),
            }
        }
    }
    Ok(())
}
