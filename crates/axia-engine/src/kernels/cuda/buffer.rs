//! Arrays on a card.

use super::card::Card;
use super::error::CudaError;
use super::queue::Queue;
use super::scratch::Space;
use std::sync::atomic::{AtomicU64, Ordering};

/// An f32 array on a card.
pub struct CudaBuffer<Q: Queue = Card> {
    space: Space<Q>,
    len: usize,
    /// Differs between any two states of any buffers.
    version: u64,
}

impl<Q: Queue> Default for CudaBuffer<Q> {
    fn default() -> Self {
        Self { space: Space::default(), len: 0, version: next_version() }
    }
}

fn next_version() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

impl<Q: Queue> CudaBuffer<Q> {
    /// Its length in numbers.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Stands for the contents: a number that changes when they do.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Where it begins, for reading.
    pub(super) fn address(&self) -> u64 {
        self.space.address()
    }

    /// Where it begins, for writing.
    pub(super) fn address_mut(&mut self) -> u64 {
        self.version = next_version();
        self.space.address()
    }

    /// Gives it the length `len`; its contents are unspecified. Returns where it begins, for
    /// writing.
    pub(super) fn resize(&mut self, queue: &Q, len: usize) -> Result<u64, CudaError> {
        self.space.reserve(queue, 4 * len)?;
        self.len = len;
        Ok(self.address_mut())
    }

    /// Gives it the length `len` on a card that has failed, where it is NaN to all who read it.
    pub(super) fn lose(&mut self, len: usize) {
        *self = Self { len, ..Self::default() };
    }

    pub(super) fn upload(&mut self, queue: &Q, data: &[f32]) -> Result<(), CudaError> {
        self.resize(queue, data.len())?;
        self.space.write(queue, bytemuck::cast_slice(data), 0)
    }

    pub(super) fn download(&self, queue: &Q) -> Result<Vec<f32>, CudaError> {
        let mut data = vec![0f32; self.len];
        self.space.read(queue, bytemuck::cast_slice_mut(&mut data))?;
        Ok(data)
    }

    pub(super) fn clear(&mut self, queue: &Q) -> Result<(), CudaError> {
        self.address_mut();
        self.space.clear(queue, 4 * self.len)
    }

    pub(super) fn copy(&mut self, queue: &Q, from: &Self) -> Result<(), CudaError> {
        self.space.copy(queue, &from.space, 4 * from.len)?;
        self.len = from.len;
        self.address_mut();
        Ok(())
    }
}
