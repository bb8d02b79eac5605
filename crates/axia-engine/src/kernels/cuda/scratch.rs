//! Memory of a card that grows and does not shrink.

use super::error::CudaError;
use super::queue::Queue;

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
