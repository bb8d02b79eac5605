//! Page-locked memory that numbers go through on their way to a card.
//!
//! A card reads what it is given when it comes to it. Of other memory the driver usually makes a copy
//! first, but on machines whose cards can read all of the host's memory it need not; then a caller
//! that goes on to overwrite its numbers would change what arrives.

use super::card::failed;
use super::error::CudaError;
use cudarc::driver::{CudaStream, result};
use std::sync::Arc;

/// Bytes set aside: several blocks of a weight.
const SIZE: usize = 64 << 20;

/// Page-locked memory that fills up until the card has done all work.
pub(super) struct Staging {
    start: *mut u8,
    used: usize,
    stream: Arc<CudaStream>,
}

// SAFETY: the memory belongs to this alone.
unsafe impl Send for Staging {}

impl Staging {
    /// Sets the memory aside, for work on `stream`.
    pub fn new(stream: &Arc<CudaStream>) -> Result<Self, CudaError> {
        stream.context().bind_to_thread().map_err(failed("turn to this thread"))?;
        // SAFETY: memory of the host, locked, and not written by the card.
        let start = unsafe { result::malloc_host(SIZE, 0) };
        let start = start.map_err(failed("lock memory of the host"))?.cast();
        Ok(Self { start, used: 0, stream: Arc::clone(stream) })
    }

    /// Copies as much of `data` as there is room for, and says where it lies until
    /// [`Self::clear`] is called.
    pub fn put(&mut self, data: &[u8]) -> &[u8] {
        let len = data.len().min(SIZE - self.used);
        // SAFETY: the memory is `SIZE` bytes long, and what is used of it is left alone.
        let place = unsafe { std::slice::from_raw_parts_mut(self.start.add(self.used), len) };
        place.copy_from_slice(&data[..len]);
        self.used += len;
        place
    }

    /// All that was put here has been read.
    pub fn clear(&mut self) {
        self.used = 0;
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What still reads the memory is waited for. Where the card has failed, nothing does, and
        // nothing can be done about memory that does not go away.
        let _ = self.stream.synchronize();
        // SAFETY: the memory was set aside by `new`, and is given back once.
        let _ = unsafe { result::free_host(self.start.cast()) };
    }
}
