//! Which slot of a cache holds which token, and what comes next.

use super::generator::{Drawn, Generated, Request};
use super::sampler::Sampler;
use crate::decoder::{Decoder, Step};
use crate::error::EngineError;
use crate::forest::{Forest, NO_PARENT, Plans};
use crate::kernels::Kernels;

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
    /// Whether each of its nodes is; with one, all before it in its prompt are.
    done: Vec<bool>,
}

/// All continuations over one cache: prompts, each distinct prefix once, and for each branch a
/// stretch of slots of its own.
pub(super) struct Batch {
    /// Until all are computed that running branches need.
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
        let done = vec![false; forest.len()];
        let prompts = Some(Prompts { forest, done });
        Self { prompts, parents, branches, longest, window }
    }

    pub fn slots(&self) -> usize {
        self.parents.len()
    }

    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Whether the prompts of all running branches are computed.
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
    /// `None` where no branch is running. Something is always read, so that a card is waited for.
    pub fn next_step(&mut self, most: usize) -> Option<(OwnedStep, Vec<(usize, usize)>)> {
        if !self.is_running() {
            return None;
        }
        let mut slots = self.next_of_prompts(most.max(1));
        let (mut tokens, mut positions) = (Vec::new(), Vec::new());
        if let Some(Prompts { forest, .. }) = &self.prompts {
            tokens.extend(slots.iter().map(|&node| forest.tokens()[node as usize]));
            positions.extend(slots.iter().map(|&node| forest.depths()[node as usize]));
        }
        let nodes = slots.len();
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
                None => {
                    let end = slots[..nodes].binary_search(&branch.prompt_end).ok();
                    draws.extend(end.map(|at| (index, at)));
                }
            }
        }
        let mut reads: Vec<u32> = draws.iter().map(|&(_, at)| at as u32).collect();
        if reads.is_empty() {
            reads.extend(tokens.len().checked_sub(1).map(|last| last as u32));
        }
        reads.sort_unstable();
        reads.dedup();
        for (_, at) in &mut draws {
            *at = reads.partition_point(|&read| (read as usize) < *at);
        }
        self.prompts = self.prompts.take().filter(|prompts| self.needs(prompts));
        let plans = Plans::new(&self.parents, &slots, self.window, self.longest);
        Some((OwnedStep { tokens, positions, slots, reads, plans }, draws))
    }

    /// The nodes of prompts that come next, ascending: those of the shortest prompts, so that their
    /// continuations begin while longer ones are computed.
    fn next_of_prompts(&mut self, most: usize) -> Vec<u32> {
        let Some(Prompts { done, .. }) = &mut self.prompts else { return Vec::new() };
        let waits = |b: &&Branch| b.running && b.generated.tokens.is_empty();
        let mut waiting: Vec<&Branch> = self.branches.iter().filter(waits).collect();
        waiting.sort_by_key(|branch| branch.prompt);
        let mut nodes: Vec<u32> = Vec::new();
        for branch in waiting {
            let mut missing = Vec::new();
            let mut node = branch.prompt_end;
            while node != NO_PARENT && !done[node as usize] {
                missing.push(node);
                node = self.parents[node as usize];
            }
            for node in missing.into_iter().rev().take(most - nodes.len()) {
                done[node as usize] = true;
                nodes.push(node);
            }
            if nodes.len() == most {
                break;
            }
        }
        nodes.sort_unstable();
        nodes
    }

    /// Whether a running branch's prompt is not computed yet.
    fn needs(&self, prompts: &Prompts) -> bool {
        self.branches.iter().any(|b| b.running && !prompts.done[b.prompt_end as usize])
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
            // A card that has failed gives none.
            let logits = logits.get(row * vocab..).and_then(|rows| rows.get(..vocab));
            let logits = logits.ok_or_else(|| decoder.non_finite("a logit"))?;
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
