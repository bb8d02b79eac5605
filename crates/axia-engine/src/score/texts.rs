//! What a model makes of whole texts: the log-probability of every token and its likeliest rivals.

use super::scorer::cut_by_tokens;
use crate::config::ModelConfig;
use crate::decoder::{Activations, Decoder, Keep, KvCache, Step};
use crate::error::EngineError;
use crate::forest::{Forest, Plans};
use crate::generate::{Sampler, Sampling};
use crate::kernels::Kernels;
use crate::kernels::cpu::log_sum_exp;
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

/// Reads `texts` in forests of at most `max_tokens` distinct tokens; a text that alone has more is
/// read in several steps. The log-probabilities of a text's tokens add up to what
/// [`score`](super::score) gives for them as a candidate.
///
/// # Errors
/// As of [`TextReader`].
pub fn read_texts<K: Kernels>(
    decoder: &Decoder<K>,
    adapter: Option<&Adapter<K>>,
    texts: &[Text],
    max_tokens: usize,
) -> Result<Vec<TextReadings>, EngineError> {
    check(texts, decoder.config().vocab_size)?;
    let mut found = vec![TextReadings::default(); texts.len()];
    let whole: Vec<&[u32]> = texts.iter().map(|text| &*text.tokens).collect();
    for group in groups(&whole, decoder.config(), max_tokens) {
        let together = group.iter().map(|&text| texts[text].clone()).collect();
        let mut reader = TextReader::of_checked(decoder, adapter, together);
        while reader.step(max_tokens)? {}
        for (text, readings) in group.into_iter().zip(reader.finish()) {
            found[text] = readings;
        }
    }
    Ok(found)
}

/// Texts on their way through a model, as one forest, some tokens further with each step.
pub struct TextReader<'a, K: Kernels> {
    decoder: &'a Decoder<K>,
    adapter: Option<&'a Adapter<K>>,
    texts: Vec<Text>,
    forest: Forest,
    /// Node, text, and place in the text, by node.
    reads: Vec<(u32, usize, usize)>,
    /// Nodes that are computed.
    done: usize,
    /// Keys and values of these, where one step is not enough.
    cache: Option<KvCache<K>>,
    activations: Activations<K::Buffer>,
    found: Vec<TextReadings>,
}

impl<'a, K: Kernels> TextReader<'a, K> {
    /// Prepares to read `texts`, which should be one of the [`groups`]: where rotary frequencies
    /// depend on a text's length, they are those of the longest.
    ///
    /// # Errors
    /// [`EngineError::EmptySequence`] for an empty text, [`EngineError::TokenRange`] for ids
    /// outside the vocabulary, [`EngineError::Setting`] for sampling that makes no sense.
    pub fn new(
        decoder: &'a Decoder<K>,
        adapter: Option<&'a Adapter<K>>,
        texts: Vec<Text>,
    ) -> Result<Self, EngineError> {
        check(&texts, decoder.config().vocab_size)?;
        Ok(Self::of_checked(decoder, adapter, texts))
    }

    fn of_checked(
        decoder: &'a Decoder<K>,
        adapter: Option<&'a Adapter<K>>,
        texts: Vec<Text>,
    ) -> Self {
        let fed: Vec<&[u32]> = texts.iter().map(Text::fed).collect();
        let (forest, ends) = Forest::build(&fed);
        let mut reads = Vec::new();
        for (text, &end) in ends.iter().enumerate().filter(|(text, _)| !fed[*text].is_empty()) {
            let nodes = forest.tail(end, usize::MAX);
            reads.extend(nodes.into_iter().zip(1..).map(|(node, place)| (node, text, place)));
        }
        reads.sort_unstable();
        let found = vec![TextReadings::default(); texts.len()];
        let (done, cache, activations) = (0, None, Activations::default());
        Self { decoder, adapter, texts, forest, reads, done, cache, activations, found }
    }

    /// Reads at most `most` distinct tokens more, at least one. Returns whether any are left.
    ///
    /// # Errors
    /// [`EngineError::NonFinite`] or the damaged tensor where NaN or infinity came out.
    pub fn step(&mut self, most: usize) -> Result<bool, EngineError> {
        let nodes = self.done..self.forest.len().min(self.done.saturating_add(most.max(1)));
        match nodes.len() {
            0 => return Ok(false),
            all if all == self.forest.len() => self.compute_all(),
            _ => self.compute(nodes.clone()),
        }
        self.read(nodes.clone())?;
        self.done = nodes.end;
        Ok(self.done < self.forest.len())
    }

    /// Distinct tokens of all texts.
    pub fn tokens(&self) -> usize {
        self.forest.len()
    }

    /// What came of the texts, in their order, once no step is left.
    pub fn finish(self) -> Vec<TextReadings> {
        self.found
    }

    /// Tokens of the longest text.
    pub fn longest_text(&self) -> usize {
        self.texts.iter().map(|text| text.tokens.len()).max().unwrap_or(0)
    }

    /// Leaves the final states of all nodes: no keys and values have to be kept.
    fn compute_all(&mut self) {
        let nodes: Vec<u32> = (0..self.forest.len() as u32).collect();
        let pass = self.decoder.pass_of_texts(&self.forest, &nodes, self.longest_text());
        self.decoder.forward(self.adapter, &pass, Keep::Nothing, &mut self.activations);
    }

    /// Leaves the final states of `nodes`, which follow those that are done.
    fn compute(&mut self, nodes: Range<usize>) {
        let (decoder, forest, longest) = (self.decoder, &self.forest, self.forest.max_len());
        let length = self.longest_text();
        let cache = || decoder.cache(forest.len(), longest, length);
        let slots: Vec<u32> = nodes.clone().map(|node| node as u32).collect();
        let step = Step {
            tokens: &forest.tokens()[nodes.clone()],
            positions: &forest.depths()[nodes.clone()],
            slots: &slots,
            plans: &Plans::new(forest.parents(), &slots, decoder.config().options.window, longest),
            reads: &(0..nodes.len() as u32).collect::<Vec<_>>(),
        };
        let cache = self.cache.get_or_insert_with(cache);
        decoder.extend_states(self.adapter, &step, cache, &mut self.activations);
    }

    /// Reads `nodes` off their final states.
    fn read(&mut self, nodes: Range<usize>) -> Result<(), EngineError> {
        let Self { decoder, texts, reads, activations, found, .. } = self;
        let vocab = decoder.config().vocab_size;
        let step = (LOGITS / vocab.max(1)).max(1);
        let at = |node: usize| reads.partition_point(|read| (read.0 as usize) < node);
        for from in nodes.clone().step_by(step) {
            let to = nodes.end.min(from + step);
            let rows = from - nodes.start..to - nodes.start;
            let logits = decoder.logits_of_rows(activations, rows.clone());
            // A card that has failed gives none.
            if logits.len() < rows.len() * vocab {
                return Err(decoder.non_finite("a log-probability"));
            }
            let of_node = |node: u32| &logits[(node as usize - from) * vocab..][..vocab];
            let here: Range<usize> = at(from)..at(to);
            let readings: Vec<Option<Reading>> = reads[here.clone()]
                .par_iter()
                .map(|&(node, text, place)| texts[text].read(place, of_node(node)))
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

fn check(texts: &[Text], vocab: usize) -> Result<(), EngineError> {
    for (index, text) in texts.iter().enumerate() {
        let (row, part) = (index + 1, "the text".to_owned());
        if text.tokens.is_empty() {
            return Err(EngineError::EmptySequence { row, part });
        }
        if let Some(&token) = text.tokens.iter().find(|&&t| t as usize >= vocab) {
            return Err(EngineError::TokenRange { row, part, token, vocab });
        }
        text.next.map_or(Ok(()), |(sampling, _)| sampling.check())?;
    }
    Ok(())
}

/// What a model makes of one token, given the tokens before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The token.
    pub token: u32,
    /// Its log-probability.
    pub log_prob: f32,
    /// The likeliest tokens with theirs, likeliest first; ties go to the lower id.
    pub top: Vec<(u32, f32)>,
}

impl Reading {
    /// Reads `token` and the `top` likeliest tokens off `logits` `(vocab)`; nothing where they are
    /// not finite, or `token` is none of theirs.
    pub fn of(logits: &[f32], token: u32, top: usize) -> Option<Self> {
        let log_sum = log_sum_exp(logits);
        let log_prob = logits.get(token as usize)? - log_sum;
        let top = likeliest(logits, top);
        let top = top.into_iter().map(|token| (token, logits[token as usize] - log_sum));
        log_prob.is_finite().then(|| Self { token, log_prob, top: top.collect() })
    }
}

/// The `count` largest of `logits`, descending.
fn likeliest(logits: &[f32], count: usize) -> Vec<u32> {
    let mut found: Vec<u32> = Vec::with_capacity(count + 1);
    let mut least = f32::NEG_INFINITY;
    for (token, &logit) in logits.iter().enumerate() {
        if found.len() == count && logit <= least {
            continue;
        }
        let place = found.partition_point(|&other| logits[other as usize] >= logit);
        found.insert(place, token as u32);
        found.truncate(count);
        least = found.last().map_or(f32::INFINITY, |&token| logits[token as usize]);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn probabilities_are_the_softmax() {
        // Weights 1 : 2 : 5.
        let logits = [0.0, 2f32.ln(), 5f32.ln()];
        let reading = Reading::of(&logits, 1, 2).unwrap();
        assert!((reading.log_prob - 0.25f32.ln()).abs() < 1e-6);
        assert_eq!(reading.top.iter().map(|t| t.0).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(reading.top[1].1, reading.log_prob, "one number, not two roundings of it");
        assert_eq!(Reading::of(&logits, 0, 0).unwrap().top, []);
        assert_eq!(Reading::of(&logits, 0, 9).unwrap().top.len(), 3);
        assert_eq!(Reading::of(&logits, 3, 1), None);
        assert_eq!(Reading::of(&[0.0, f32::NAN], 0, 1), None);
        assert_eq!(Reading::of(&[0.0, f32::INFINITY], 0, 1), None);
    }

    proptest! {
        #[test]
        fn the_top_is_that_of_sorting(
            logits in prop::collection::vec((-4i8..4).prop_map(f32::from), 1..40),
            count in 0usize..45,
        ) {
            let mut order: Vec<u32> = (0..logits.len() as u32).collect();
            order.sort_by(|&a, &b| logits[b as usize].total_cmp(&logits[a as usize]));
            order.truncate(count);
            prop_assert_eq!(likeliest(&logits, count), order);
        }
    }
}
