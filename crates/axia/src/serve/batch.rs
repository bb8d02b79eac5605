//! Continuations that advance together, and who waits for them.

use super::job::{Asker, Event};
use axia_engine::EngineError;
use axia_engine::generate::{Drawn, Generation};
use axia_engine::kernels::DeviceKernels;
use axia_engine::score::Reading;
use std::mem;

/// Continuations of one respondent that advance together.
pub(super) struct Batch<'a> {
    pub generation: Generation<'a, DeviceKernels>,
    pub member: usize,
    /// In the order of the generation's requests, each with the number of rivals to tell.
    pub askers: Vec<(Asker, Option<usize>)>,
}

impl<'a> Batch<'a> {
    /// Takes over what `other` does, or gives it back.
    pub fn absorb(&mut self, other: Self) -> Option<Self> {
        let Self { generation, member, askers } = other;
        match self.generation.absorb(generation) {
            Ok([own, others]) => {
                self.askers = chosen(mem::take(&mut self.askers), &own);
                self.askers.extend(chosen(askers, &others));
                None
            }
            Err(generation) => Some(Self { generation: *generation, member, askers }),
        }
    }

    /// Forgets what has ended.
    pub fn shrink(&mut self) {
        let kept = self.generation.shrink();
        self.askers = chosen(mem::take(&mut self.askers), &kept);
    }

    /// Returns whether any continuation is still running.
    pub fn step(&mut self, most: usize) -> Result<bool, EngineError> {
        let Self { generation, askers, .. } = self;
        for (index, (asker, _)) in askers.iter().enumerate() {
            if asker.is_abandoned() {
                generation.end(index);
            }
        }
        generation.step(most, |drawn| match askers.get(drawn.request) {
            Some((asker, top)) => tell(asker, *top, drawn),
            None => false,
        })
    }
}

/// Those of `all` with these `indices`, which ascend.
fn chosen<T>(all: Vec<T>, indices: &[usize]) -> Vec<T> {
    let all = all.into_iter().enumerate();
    all.filter(|(index, _)| indices.binary_search(index).is_ok()).map(|(_, one)| one).collect()
}

/// Tells a token; returns whether more are wanted.
fn tell(asker: &Asker, top: Option<usize>, drawn: Drawn) -> bool {
    let Drawn { token, is_end, logits, .. } = drawn;
    let reading = top.and_then(|top| Reading::of(logits, token, top));
    asker.tell(Event::Drawn { token, is_end, reading });
    !asker.is_abandoned()
}
