//! Continuing many prompts together.

use super::batch::Batch;
use super::sampler::Sampling;
use crate::config::Reach;
use crate::decoder::{Activations, Decoder, KvCache, tokens_to_keep};
use crate::error::EngineError;
use crate::kernels::Kernels;
use crate::lora::Adapter;

/// One continuation to sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Token ids of the prompt; at least one.
    pub prompt: Vec<u32>,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// Seed of this continuation's random stream.
    pub seed: u64,
    /// Most tokens to draw.
    pub max_tokens: usize,
}

/// A sampled continuation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The tokens drawn, without the model's end token.
    pub tokens: Vec<u32>,
    /// Whether it ended by itself, not at the limit.
    pub stopped: bool,
}

/// A token that was just drawn.
pub struct Drawn<'a> {
    /// Index of its request.
    pub request: usize,
    /// The token.
    pub token: u32,
    /// Whether it is one of the model's end tokens: then the continuation ends before it.
    pub is_end: bool,
    /// The continuation so far, the token included unless it is an end token.
    pub tokens: &'a [u32],
    /// What it was drawn from `(vocab)`.
    pub logits: &'a [f32],
}

/// Continuations on their way, one token further with each step: the prompts' shared prefixes are
/// computed once, then all that run advance together. A continuation ends at one of the model's end
/// tokens, at its limit, or when the caller says so.
pub struct Generation<'a, K: Kernels> {
    decoder: &'a Decoder<K>,
    adapter: Option<&'a Adapter<K>>,
    requests: Vec<Request>,
    batch: Batch,
    cache: KvCache<K>,
    activations: Activations<K::Buffer>,
    /// Tokens of the longest prompt.
    prompt: usize,
}

impl<'a, K: Kernels> Generation<'a, K> {
    /// Prepares to continue `requests`. Pass a decoder made by [`Decoder::merged`]: a step computes
    /// few tokens, and plain weights save widening them each time. With plain weights of the base
    /// model, many an adapter can be used in turn.
    ///
    /// Where rotary frequencies depend on a text's length, they are those of the longest prompt, and
    /// stay so: requests should be of one reach ([`ModelConfig::reach`](crate::config::ModelConfig::reach)).
    ///
    /// # Errors
    /// [`EngineError::Setting`] for sampling that makes no sense, [`EngineError::EmptySequence`]
    /// for an empty prompt, [`EngineError::TokenRange`] for ids outside the vocabulary.
    pub fn new(
        decoder: &'a Decoder<K>,
        adapter: Option<&'a Adapter<K>>,
        requests: Vec<Request>,
    ) -> Result<Self, EngineError> {
        check(&requests, decoder.config().vocab_size)?;
        let batch = Batch::new(&requests, decoder.config().options.window);
        let prompt = requests.iter().map(|request| request.prompt.len()).max().unwrap_or(0);
        let cache = decoder.cache(batch.slots(), batch.longest(), prompt);
        let activations = Activations::default();
        Ok(Self { decoder, adapter, requests, batch, cache, activations, prompt })
    }

    /// Draws the next token of every running continuation whose prompt is computed, and shows it to
    /// `keep`, which says whether to go on with that one. At most `most` tokens of prompts are
    /// computed meanwhile, and at least one while any is left. Returns whether any continuation is
    /// still running.
    ///
    /// # Errors
    /// [`EngineError::NonFinite`] where a logit is NaN or infinite.
    pub fn step(
        &mut self,
        most: usize,
        keep: impl FnMut(Drawn) -> bool,
    ) -> Result<bool, EngineError> {
        let Some((step, draws)) = self.batch.next_step(most) else { return Ok(false) };
        let Self { decoder, adapter, cache, activations, .. } = self;
        let logits = decoder.extend(*adapter, &step.step(), cache, activations);
        self.batch.draw(self.decoder, &logits, &draws, &self.requests, keep)?;
        Ok(self.batch.is_running())
    }

    /// Ends the continuation of a request; nothing more is drawn for it.
    pub fn end(&mut self, request: usize) {
        self.batch.end(request);
    }

    /// Whether the prompts of all continuations that run are computed.
    pub fn has_begun(&self) -> bool {
        self.batch.has_begun()
    }

    /// Tokens of the longest prompt.
    pub fn longest_prompt(&self) -> usize {
        self.prompt
    }

    /// Tokens whose keys and values there is a place for.
    pub fn tokens(&self) -> usize {
        self.batch.slots()
    }

    /// Those of them that continuations on their way have use for.
    pub fn tokens_in_use(&self) -> usize {
        self.batch.live_slots().len()
    }

    /// Forgets what has ended and gives up its places. Returns the indices that the requests left
    /// had, in their new order. Until all prompts are computed nothing is forgotten.
    pub fn shrink(&mut self) -> Vec<usize> {
        let slots = self.batch.live_slots();
        if !self.has_begun() || slots.len() == self.batch.slots() {
            return (0..self.requests.len()).collect();
        }
        let kept = self.batch.keep(&slots);
        let extent = self.extent();
        self.decoder.move_cache(&mut self.cache, &slots, None, extent);
        self.requests = kept.iter().map(|&index| self.requests[index].clone()).collect();
        kept
    }

    /// Goes on with the continuations of both together: a step of many costs little more than one of
    /// a few. What has ended is forgotten, as by [`Self::shrink`]. Returns the indices that the
    /// requests left had, in both.
    ///
    /// # Errors
    /// Gives `other` back if it cannot be: the prompts of both must be computed, and both be of the
    /// same decoder and adapter, and of one reach.
    pub fn absorb(&mut self, mut other: Self) -> Result<[Vec<usize>; 2], Box<Self>> {
        if !self.can_absorb(&other) {
            return Err(Box::new(other));
        }
        let slots = [self.batch.live_slots(), other.batch.live_slots()];
        let kept = [self.batch.keep(&slots[0]), other.batch.keep(&slots[1])];
        self.batch.append(other.batch);
        self.prompt = self.prompt.max(other.prompt);
        let (theirs, extent) = (Some((other.cache, &*slots[1])), self.extent());
        self.decoder.move_cache(&mut self.cache, &slots[0], theirs, extent);
        let own = kept[0].iter().map(|&index| self.requests[index].clone());
        let all = own.chain(kept[1].iter().map(|&index| other.requests[index].clone()));
        self.requests = all.collect();
        Ok(kept)
    }

    fn can_absorb(&self, other: &Self) -> bool {
        let same_adapter = match (self.adapter, other.adapter) {
            (Some(one), Some(another)) => std::ptr::eq(one, another),
            (one, another) => one.is_none() && another.is_none(),
        };
        let begun = self.has_begun() && other.has_begun();
        let alike = std::ptr::eq(self.decoder, other.decoder) && self.reach() == other.reach();
        begun && same_adapter && alike
    }

    fn reach(&self) -> Reach {
        self.decoder.config().reach(self.prompt)
    }

    /// Tokens of the longest text with its continuation, and of the longest prompt.
    fn extent(&self) -> (usize, usize) {
        (self.batch.longest(), self.prompt)
    }
}

/// Samples all `requests` together, or as many at a time as a card has memory for, as
/// [`Generation`] does; a continuation also ends when `stop` says so of its tokens so far.
///
/// # Errors
/// As of [`Generation`].
pub fn generate<K: Kernels>(
    decoder: &Decoder<K>,
    requests: &[Request],
    stop: impl Fn(&[u32]) -> bool,
) -> Result<Vec<Generated>, EngineError> {
    generate_with(decoder, None, requests, stop)
}

/// Like [`generate`], with an adapter beside the weights.
///
/// # Errors
/// As of [`Generation`].
pub fn generate_with<K: Kernels>(
    decoder: &Decoder<K>,
    adapter: Option<&Adapter<K>>,
    requests: &[Request],
    stop: impl Fn(&[u32]) -> bool,
) -> Result<Vec<Generated>, EngineError> {
    check(requests, decoder.config().vocab_size)?;
    let reach = |request: &Request| decoder.config().reach(request.prompt.len());
    let mut reaches: Vec<_> = requests.iter().map(reach).collect();
    reaches.sort_unstable();
    reaches.dedup();
    let mut found = vec![Generated { tokens: Vec::new(), stopped: false }; requests.len()];
    for now in reaches {
        let chosen: Vec<usize> =
            (0..requests.len()).filter(|&i| reach(&requests[i]) == now).collect();
        for chosen in stretches(requests, &chosen, tokens_to_keep(decoder)) {
            let together = chosen.iter().map(|&i| requests[i].clone()).collect();
            let mut generation = Generation::new(decoder, adapter, together)?;
            while generation.step(usize::MAX, |drawn| !stop(drawn.tokens))? {}
            for (generated, &index) in generation.batch.generated().zip(chosen) {
                found[index] = generated;
            }
        }
    }
    Ok(found)
}

/// Cuts `chosen` into stretches of one request or of `most` tokens, drawn ones included.
fn stretches<'a>(requests: &[Request], chosen: &'a [usize], most: usize) -> Vec<&'a [usize]> {
    let tokens = |i: usize| requests[i].prompt.len() + requests[i].max_tokens;
    let mut taken = chosen.first().map_or(0, |&first| tokens(first));
    let fits = |_: &usize, &next: &usize| {
        let fits = taken.saturating_add(tokens(next)) <= most;
        taken = if fits { taken + tokens(next) } else { tokens(next) };
        fits
    };
    chosen.chunk_by(fits).collect()
}

fn check(requests: &[Request], vocab: usize) -> Result<(), EngineError> {
    for (index, request) in requests.iter().enumerate() {
        request.sampling.check()?;
        let (row, part) = (index + 1, "the prompt".to_owned());
        if request.prompt.is_empty() {
            return Err(EngineError::EmptySequence { row, part });
        }
        if let Some(&token) = request.prompt.iter().find(|&&t| t as usize >= vocab) {
            return Err(EngineError::TokenRange { row, part, token, vocab });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_hold_what_fits_and_at_least_one_request() {
        let request = |prompt: usize, max_tokens: usize| Request {
            prompt: vec![0; prompt],
            sampling: Sampling::GREEDY,
            seed: 0,
            max_tokens,
        };
        // 5, 5, 30, 4 and 6 tokens; the third is not among the chosen at first.
        let requests =
            [request(3, 2), request(4, 1), request(20, 10), request(1, 3), request(6, 0)];
        assert_eq!(stretches(&requests, &[0, 1, 3, 4], 10), [&[0, 1][..], &[3, 4]]);
        assert_eq!(stretches(&requests, &[0, 1, 3, 4], 9), [&[0][..], &[1, 3], &[4]]);
        assert_eq!(stretches(&requests, &[0, 2, 1], 10), [&[0][..], &[2], &[1]]);
        assert_eq!(stretches(&requests, &[4, 0], usize::MAX), [&[4, 0]]);
        assert!(stretches(&requests, &[], 10).is_empty());
    }
}
