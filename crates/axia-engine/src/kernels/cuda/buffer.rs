//! Arrays on a card.

use super::card::Card;
use super::error::CudaError;
use super::queue::Queue;
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

/// A piece of memory that is as long as was ever asked for.
pub(super) struct Space<Q: Queue> {
    memory: Option<Q::Memory>,
}

impl<Q: Queue> Default for Space<Q> {
    fn default() -> Self {
        Self { memory: None }
    }
}

impl<Q: Queue> Space<Q> {
    /// Where it begins; 0 where there is nothing yet.
    pub fn address(&self) -> u64 {
        self.memory.as_ref().map_or(0, Q::address)
    }

    /// Gives it at least `bytes`; what it held is lost where it grows. Returns where it begins.
    pub fn reserve(&mut self, queue: &Q, bytes: usize) -> Result<u64, CudaError> {
        if self.memory.as_ref().map_or(0, Q::size) < bytes {
            // Given back first: the old and the new need not fit side by side.
            self.memory = None;
            self.memory = Some(queue.allocate(bytes)?);
        }
        Ok(self.address())
    }

    /// Gives it the contents `data`.
    pub fn fill(&mut self, queue: &Q, data: &[u8]) -> Result<u64, CudaError> {
        self.reserve(queue, data.len())?;
        self.write(queue, data, 0)?;
        Ok(self.address())
    }

    /// Overwrites what begins at byte `offset`.
    pub fn write(&mut self, queue: &Q, data: &[u8], offset: usize) -> Result<(), CudaError> {
        match &mut self.memory {
            Some(memory) if !data.is_empty() => queue.upload(data, memory, offset),
            _ => Ok(()),
        }
    }

    /// The first bytes.
    pub fn read(&self, queue: &Q, data: &mut [u8]) -> Result<(), CudaError> {
        match &self.memory {
            Some(memory) if !data.is_empty() => queue.download(memory, data),
            _ => Ok(()),
        }
    }

    /// Sets the first `bytes` to zero.
    pub fn clear(&mut self, queue: &Q, bytes: usize) -> Result<(), CudaError> {
        match &mut self.memory {
            Some(memory) if bytes > 0 => queue.clear(memory, bytes),
            _ => Ok(()),
        }
    }

    /// Becomes a copy of the first `bytes` of `from`.
    pub fn copy(&mut self, queue: &Q, from: &Self, bytes: usize) -> Result<(), CudaError> {
        self.reserve(queue, bytes)?;
        match (&from.memory, &mut self.memory) {
            (Some(from), Some(to)) if bytes > 0 => queue.copy(from, to, bytes),
            _ => Ok(()),
        }
    }
}
