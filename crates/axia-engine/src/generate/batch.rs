//! Which slot of a cache holds which token, and what comes next.

use super::generator::{Drawn, Generated, Request};
use super::sampler::Sampler;
use crate::decoder::{Decoder, Step};
use crate::error::EngineError;
use crate::forest::{Forest, NO_PARENT, Plans};
use crate::kernels::Kernels;
use std::ops::Range;

/// One continuation's state.
struct Branch {
    sampler: Sampler,
    generated: Generated,
    running: bool,
    /// Slot of the last token of its prompt.
    prompt_end: u32,
    /// Tokens of its prompt.
    prompt: u32,
    /// First of the slots set aside for its tokens.
    first_slot: u32,
    /// How many these are.
    max_tokens: u32,
}

/// Prompts in the first slots, not all of which are computed.
struct Prompts {
    forest: Forest,
    /// How many of its nodes are.
    done: usize,
}

/// All continuations over one cache: prompts, each distinct prefix once, and for each branch a
/// stretch of slots of its own.
pub(super) struct Batch {
    /// Until all are computed.
    prompts: Option<Prompts>,
    /// Parent slot of every slot; a branch's slots follow the last token of its prompt.
    parents: Vec<u32>,
    branches: Vec<Branch>,
    /// Most tokens that a prompt and its continuation have together.
    longest: usize,
    /// The window of the model's windowed blocks.
    window: Option<usize>,
}

/// The owned parts of a [`Step`].
pub(super) struct OwnedStep {
    tokens: Vec<u32>,
    positions: Vec<u32>,
    slots: Vec<u32>,
    reads: Vec<u32>,
    plans: Plans,
}

impl OwnedStep {
    pub fn step(&self) -> Step<'_> {
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
    pub fn new(requests: &[Request], window: Option<usize>) -> Self {
        let prompts: Vec<&[u32]> = requests.iter().map(|r| r.prompt.as_slice()).collect();
        let (forest, ends) = Forest::build(&prompts);
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
                    prompt_end: end,
                    prompt: request.prompt.len() as u32,
                    first_slot,
                    max_tokens: request.max_tokens as u32,
                }
            })
            .collect();
        let longest = requests.iter().map(|r| r.prompt.len() + r.max_tokens).max().unwrap_or(0);
        let prompts = Some(Prompts { forest, done: 0 });
        Self { prompts, parents, branches, longest, window }
    }

    pub fn slots(&self) -> usize {
        self.parents.len()
    }

    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Whether all prompts are computed.
    pub fn has_begun(&self) -> bool {
        self.prompts.is_none()
    }

    pub fn is_running(&self) -> bool {
        self.branches.iter().any(|b| b.running)
    }

    pub fn end(&mut self, request: usize) {
        if let Some(branch) = self.branches.get_mut(request) {
            branch.running = false;
        }
    }

    /// What was drawn, request by request.
    pub fn generated(self) -> impl Iterator<Item = Generated> {
        self.branches.into_iter().map(|branch| branch.generated)
    }

    /// What is to be computed next, at most `most` tokens of prompts (and at least one) beside the
    /// last tokens of running branches, and which branches draw from which of its rows of logits;
    /// `None` where no branch is running.
    pub fn next_step(&mut self, most: usize) -> Option<(OwnedStep, Vec<(usize, usize)>)> {
        if !self.is_running() {
            return None;
        }
        let (mut tokens, mut positions, mut slots) = (Vec::new(), Vec::new(), Vec::new());
        let chunk = self.next_of_prompts(most);
        if let Some(Prompts { forest, .. }) = &self.prompts {
            tokens.extend_from_slice(&forest.tokens()[chunk.clone()]);
            positions.extend_from_slice(&forest.depths()[chunk.clone()]);
            slots.extend(chunk.clone().map(|node| node as u32));
        }
        // Indices into the step, until they become rows.
        let mut draws: Vec<(usize, usize)> = Vec::new();
        for (index, branch) in self.branches.iter().enumerate().filter(|(_, b)| b.running) {
            let drawn = &branch.generated.tokens;
            match drawn.last() {
                Some(&token) => {
                    let place = drawn.len() as u32 - 1;
                    draws.push((index, tokens.len()));
                    tokens.push(token);
                    positions.push(branch.prompt + place);
                    slots.push(branch.first_slot + place);
                }
                None if chunk.contains(&(branch.prompt_end as usize)) => {
                    draws.push((index, branch.prompt_end as usize - chunk.start));
                }
                None => {}
            }
        }
        let mut reads: Vec<u32> = draws.iter().map(|&(_, at)| at as u32).collect();
        reads.sort_unstable();
        reads.dedup();
        for (_, at) in &mut draws {
            *at = reads.partition_point(|&read| (read as usize) < *at);
        }
        self.note_computed(chunk.end);
        let plans = Plans::new(&self.parents, &slots, self.window, self.longest);
        Some((OwnedStep { tokens, positions, slots, reads, plans }, draws))
    }

    /// The nodes of the prompts that come next.
    fn next_of_prompts(&self, most: usize) -> Range<usize> {
        self.prompts.as_ref().map_or(0..0, |Prompts { forest, done }| {
            *done..forest.len().min(done.saturating_add(most.max(1)))
        })
    }

    fn note_computed(&mut self, nodes: usize) {
        self.prompts = self.prompts.take().filter(|prompts| nodes < prompts.forest.len());
        if let Some(prompts) = &mut self.prompts {
            prompts.done = nodes;
        }
    }

    /// Draws the next token of the branches that `draws` names, each from its row of `logits`.
    pub fn draw<K: Kernels>(
        &mut self,
        decoder: &Decoder<K>,
        logits: &[f32],
        draws: &[(usize, usize)],
        requests: &[Request],
        mut keep: impl FnMut(Drawn) -> bool,
    ) -> Result<(), EngineError> {
        let vocab = decoder.config().vocab_size;
        for &(index, row) in draws {
            let (branch, request) = (&mut self.branches[index], &requests[index]);
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

    /// The slots that a running branch reads or has set aside, ascending.
    pub fn live_slots(&self) -> Vec<u32> {
        let mut live = vec![false; self.parents.len()];
        for branch in self.branches.iter().filter(|b| b.running) {
            live[branch.first_slot as usize..][..branch.max_tokens as usize].fill(true);
            let mut slot = branch.prompt_end;
            while slot != NO_PARENT && !live[slot as usize] {
                live[slot as usize] = true;
                slot = self.parents[slot as usize];
            }
        }
        (0..self.parents.len() as u32).filter(|&slot| live[slot as usize]).collect()
    }

    /// Keeps the running branches alone, with their `slots`, renumbered in order. Returns the
    /// indices of their requests.
    pub fn keep(&mut self, slots: &[u32]) -> Vec<usize> {
        let mut places = vec![NO_PARENT; self.parents.len()];
        for (place, &slot) in slots.iter().enumerate() {
            places[slot as usize] = place as u32;
        }
        let moved = |slot: u32| if slot == NO_PARENT { slot } else { places[slot as usize] };
        self.parents = slots.iter().map(|&slot| moved(self.parents[slot as usize])).collect();
        let running = self.branches.iter().enumerate().filter(|(_, b)| b.running);
        let kept = running.map(|(index, _)| index).collect();
        self.branches.retain(|b| b.running);
        for branch in &mut self.branches {
            branch.prompt_end = moved(branch.prompt_end);
            branch.first_slot = moved(branch.first_slot);
        }
        kept
    }

    /// Adds the branches of `other`, whose slots follow.
    pub fn append(&mut self, other: Self) {
        let offset = self.parents.len() as u32;
        let moved = |slot: u32| if slot == NO_PARENT { slot } else { slot + offset };
        self.parents.extend(other.parents.into_iter().map(moved));
        self.branches.extend(other.branches.into_iter().map(|branch| Branch {
            prompt_end: moved(branch.prompt_end),
            first_slot: moved(branch.first_slot),
            ..branch
        }));
        self.longest = self.longest.max(other.longest);
    }
}
