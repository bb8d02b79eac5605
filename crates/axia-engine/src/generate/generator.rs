//! Continuing many prompts together.

use super::sampler::{Sampler, Sampling};
use crate::decoder::{Activations, Decoder, Step};
use crate::error::EngineError;
use crate::forest::{Forest, Plans};
use crate::kernels::Kernels;

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

/// Samples all `requests` together: the prompts' shared prefixes are computed once, then every
/// running continuation advances by one token a step. A continuation ends at one of the model's
/// end tokens, at its limit, or when `stop` says so of its tokens so far.
///
/// Pass a decoder made by [`Decoder::merged`]: a step computes few tokens, and plain weights save
/// widening them each time.
///
/// # Errors
/// [`EngineError::Setting`] for sampling that makes no sense, [`EngineError::EmptySequence`] for
/// an empty prompt, [`EngineError::TokenRange`] for ids outside the vocabulary,
/// [`EngineError::NonFinite`] where a logit is NaN or infinite.
pub fn generate<K: Kernels>(
    decoder: &Decoder<K>,
    requests: &[Request],
    stop: impl Fn(&[u32]) -> bool,
) -> Result<Vec<Generated>, EngineError> {
    let vocab = decoder.config().vocab_size;
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
    let mut batch = Batch::new(requests, decoder.config().options.window);
    let mut cache = decoder.cache(batch.parents.len(), batch.longest);
    let mut activations = Activations::default();

    let prefill = batch.prefill();
    let logits = decoder.extend(&prefill.step(), &mut cache, &mut activations);
    let running = batch.branches.iter().filter(|b| b.running);
    let rows: Vec<usize> = running.map(|b| b.prompt_row).collect();
    batch.draw(decoder, &logits, &rows, requests, &stop)?;
    while let Some(step) = batch.next_step() {
        let logits = decoder.extend(&step.step(), &mut cache, &mut activations);
        let rows: Vec<usize> = (0..step.tokens.len()).collect();
        batch.draw(decoder, &logits, &rows, requests, &stop)?;
    }
    Ok(batch.branches.into_iter().map(|b| b.generated).collect())
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
        stop: &impl Fn(&[u32]) -> bool,
    ) -> Result<(), EngineError> {
        let vocab = decoder.config().vocab_size;
        let running = self.branches.iter_mut().zip(requests).filter(|(b, _)| b.running);
        for ((branch, request), &row) in running.zip(rows) {
            let logits = &logits[row * vocab..][..vocab];
            if logits.iter().any(|l| !l.is_finite()) {
                return Err(decoder.non_finite("a logit"));
            }
            let token = branch.sampler.draw(logits);
            if decoder.config().eos_ids.contains(&token) {
                branch.generated.stopped = true;
                branch.running = false;
                continue;
            }
            branch.generated.tokens.push(token);
            if stop(&branch.generated.tokens) {
                branch.generated.stopped = true;
                branch.running = false;
            } else if branch.generated.tokens.len() == request.max_tokens {
                branch.running = false;
            }
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
