//! Continuing many prompts together.

use super::sampler::{Sampler, Sampling};
use crate::decoder::{Activations, Decoder, KvCache, Step, tokens_to_keep};
use crate::error::EngineError;
use crate::forest::{Forest, Plans};
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
    begun: bool,
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
        let cache = decoder.cache(batch.parents.len(), batch.longest, prompt);
        let activations = Activations::default();
        Ok(Self { decoder, adapter, requests, batch, cache, activations, begun: false })
    }

    /// Draws the next token of every running continuation and shows it to `keep`, which says
    /// whether to go on with that one. Returns whether any is still running.
    ///
    /// # Errors
    /// [`EngineError::NonFinite`] where a logit is NaN or infinite.
    pub fn step(&mut self, keep: impl FnMut(Drawn) -> bool) -> Result<bool, EngineError> {
        let step = match self.begun {
            true => self.batch.next_step(),
            false => Some(self.batch.prefill()).filter(|_| self.is_running()),
        };
        let Some(step) = step else { return Ok(false) };
        let Self { decoder, adapter, cache, activations, .. } = self;
        let logits = decoder.extend(*adapter, &step.step(), cache, activations);
        let running = self.batch.branches.iter().filter(|b| b.running);
        let rows: Vec<usize> = match self.begun {
            true => (0..step.tokens.len()).collect(),
            false => running.map(|b| b.prompt_row).collect(),
        };
        self.begun = true;
        self.batch.draw(self.decoder, &logits, &rows, &self.requests, keep)?;
        Ok(self.is_running())
    }

    /// Ends the continuation of a request; nothing more is drawn for it.
    pub fn end(&mut self, request: usize) {
        if let Some(branch) = self.batch.branches.get_mut(request) {
            branch.running = false;
        }
    }

    fn is_running(&self) -> bool {
        self.batch.branches.iter().any(|b| b.running)
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
            while generation.step(|drawn| !stop(drawn.tokens))? {}
            for (branch, &index) in generation.batch.branches.into_iter().zip(chosen) {
                found[index] = branch.generated;
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

/// One continuation's state.
struct Branch {
    sampler: Sampler,
    generated: Generated,
    running: bool,
    /// Row of the prefill's logits that its first token is drawn from.
    prompt_row: usize,
    /// First of the cache slots set aside for its tokens.
    first_slot: u32,
}

/// All continuations over one cache: slots `0..forest.len()` hold the prompts, then each branch
/// has a stretch of its own.
struct Batch {
    forest: Forest,
    /// Parent slot of every slot; a branch's slots follow the last token of its prompt.
    parents: Vec<u32>,
    /// Last nodes of the prompts, ascending and distinct.
    prompt_ends: Vec<u32>,
    branches: Vec<Branch>,
    /// Most tokens that a prompt and its continuation have together.
    longest: usize,
    /// The window of the model's windowed blocks.
    window: Option<usize>,
}

/// The owned parts of a [`Step`].
struct OwnedStep {
    tokens: Vec<u32>,
    positions: Vec<u32>,
    slots: Vec<u32>,
    reads: Vec<u32>,
    plans: Plans,
}

impl OwnedStep {
    fn step(&self) -> Step<'_> {
        Step {
            tokens: &self.tokens,
            positions: &self.positions,
            slots: &self.slots,
            plans: &self.plans,
            reads: &self.reads,
        }
    }
}

impl Batch {
    fn new(requests: &[Request], window: Option<usize>) -> Self {
        let prompts: Vec<&[u32]> = requests.iter().map(|r| r.prompt.as_slice()).collect();
        let (forest, ends) = Forest::build(&prompts);
        let mut prompt_ends = ends.clone();
        prompt_ends.sort_unstable();
        prompt_ends.dedup();
        let mut parents = forest.parents().to_vec();
        let branches = requests
            .iter()
            .zip(&ends)
            .map(|(request, &end)| {
                let first_slot = parents.len() as u32;
                for i in 0..request.max_tokens as u32 {
                    parents.push(if i == 0 { end } else { first_slot + i - 1 });
                }
                Branch {
                    sampler: Sampler::new(request.sampling, request.seed),
                    generated: Generated { tokens: Vec::new(), stopped: false },
                    running: request.max_tokens > 0,
                    prompt_row: prompt_ends.partition_point(|&e| e < end),
                    first_slot,
                }
            })
            .collect();
        let longest = requests.iter().map(|r| r.prompt.len() + r.max_tokens).max().unwrap_or(0);
        Self { forest, parents, prompt_ends, branches, longest, window }
    }

    fn prefill(&self) -> OwnedStep {
        OwnedStep {
            tokens: self.forest.tokens().to_vec(),
            positions: self.forest.depths().to_vec(),
            slots: (0..self.forest.len() as u32).collect(),
            reads: self.prompt_ends.clone(),
            plans: Plans::all(self.forest.parents(), self.window, self.longest),
        }
    }

    /// Draws the next token of every running branch; the `n`-th reads logit row `rows[n]`.
    fn draw<K: Kernels>(
        &mut self,
        decoder: &Decoder<K>,
        logits: &[f32],
        rows: &[usize],
        requests: &[Request],
        mut keep: impl FnMut(Drawn) -> bool,
    ) -> Result<(), EngineError> {
        let vocab = decoder.config().vocab_size;
        let branches = self.branches.iter_mut().zip(requests).enumerate();
        let running = branches.filter(|(_, (b, _))| b.running);
        for ((index, (branch, request)), &row) in running.zip(rows) {
            let logits = &logits[row * vocab..][..vocab];
            if logits.iter().any(|l| !l.is_finite()) {
                return Err(decoder.non_finite("a logit"));
            }
            let token = branch.sampler.draw(logits);
            let is_end = decoder.config().eos_ids.contains(&token);
            let generated = &mut branch.generated;
            if !is_end {
                generated.tokens.push(token);
            }
            let drawn = Drawn { request: index, token, is_end, tokens: &generated.tokens, logits };
            generated.stopped = !keep(drawn) || is_end;
            branch.running = !generated.stopped && generated.tokens.len() < request.max_tokens;
        }
        Ok(())
    }

    /// The last token of every running branch, to be computed next.
    fn next_step(&self) -> Option<OwnedStep> {
        let (mut tokens, mut positions, mut slots) = (Vec::new(), Vec::new(), Vec::new());
        for branch in self.branches.iter().filter(|b| b.running) {
            let Some(&token) = branch.generated.tokens.last() else { continue };
            let index = branch.generated.tokens.len() as u32 - 1;
            let prompt_end = self.prompt_ends[branch.prompt_row];
            tokens.push(token);
            positions.push(self.forest.depths()[prompt_end as usize] + 1 + index);
            slots.push(branch.first_slot + index);
        }
        if tokens.is_empty() {
            return None;
        }
        let reads = (0..tokens.len() as u32).collect();
        let plans = Plans::new(&self.parents, &slots, self.window, self.longest);
        Some(OwnedStep { tokens, positions, slots, reads, plans })
    }
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
