//! Arrays on a device: activations, weights, and memory that is reused.

use super::blas::{Element, Operand};
use super::card::Card;
use super::error::CudaError;
use super::queue::Queue;
use super::work::Work;
use crate::checkpoint_files::RawTensor;
use crate::gguf::DType;
use crate::kernels::KernelError;
use std::ops::Range;
use std::sync::Arc;
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

/// Numbers brought to the card at a time.
const BLOCK: usize = 8 << 20;
/// Rows that are looked at a time when a weight is searched for NaN.
const ROWS: usize = 64;

/// A frozen weight matrix `(rows, columns)`.
pub struct CudaWeight<Q: Queue = Card> {
    space: Arc<Space<Q>>,
    element: Element,
    rows: usize,
    columns: usize,
    /// Where it came from.
    tensor: Option<RawTensor>,
}

impl<Q: Queue> CudaWeight<Q> {
    pub(super) fn new(
        space: Arc<Space<Q>>,
        element: Element,
        (rows, columns): (usize, usize),
        tensor: Option<RawTensor>,
    ) -> Self {
        Self { space, element, rows, columns, tensor }
    }

    /// A matrix without numbers: what a failed card gives.
    pub(crate) fn none() -> Self {
        Self::new(Arc::new(Space::default()), Element::F32, (0, 0), None)
    }

    /// The same matrix, not copied.
    pub(super) fn shared(&self) -> Self {
        let space = Arc::clone(&self.space);
        Self::new(space, self.element, (self.rows, self.columns), self.tensor.clone())
    }

    /// Output width of the layer.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Input width of the layer.
    pub fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn element(&self) -> Element {
        self.element
    }

    pub(super) fn space(&self) -> &Space<Q> {
        &self.space
    }

    pub(super) fn operand(&self) -> Operand {
        Operand::plain(self.space.address(), self.element)
    }

    /// Looks for NaN and infinity in the file that it came from.
    pub(super) fn check_finite(&self) -> Result<(), KernelError> {
        let Some(tensor) = &self.tensor else { return Ok(()) };
        let mut rows = vec![0f32; ROWS * self.columns];
        for from in (0..self.rows).step_by(ROWS) {
            let range = from..(from + ROWS).min(self.rows);
            let block = &mut rows[..range.len() * self.columns];
            tensor.dequantize_rows(range, block)?;
            tensor.check_finite(block, from)?;
        }
        Ok(())
    }
}

impl<Q: Queue> Work<'_, Q> {
    /// Brings a tensor to the card, block by block.
    pub fn weight(&mut self, tensor: RawTensor) -> Result<CudaWeight<Q>, KernelError> {
        let (rows, columns) = (tensor.rows(), tensor.columns());
        let mut space = Space::default();
        space.reserve(self.queue, rows * columns * self.element().size())?;
        let step = (BLOCK / columns.max(1)).max(1);
        tensor.will_need();
        if self.element() == Element::Bf16 && is_stored_bf16(&tensor) {
            for (block, bytes) in tensor.bytes().chunks(2 * BLOCK).enumerate() {
                space.write(self.queue, bytes, block * 2 * BLOCK)?;
            }
        } else {
            let mut values = vec![0f32; step.min(rows) * columns];
            for from in (0..rows).step_by(step) {
                let range = from..(from + step).min(rows);
                let values = &mut values[..range.len() * columns];
                widen(&tensor, range, values)?;
                self.put(values, &mut space, from * columns)?;
            }
        }
        tensor.release_pages();
        let (space, element) = (Arc::new(space), self.element());
        Ok(CudaWeight::new(space, element, (rows, columns), Some(tensor)))
    }

    /// A matrix from memory.
    pub fn weight_of(&mut self, data: &[f32], columns: usize) -> Result<CudaWeight<Q>, CudaError> {
        let mut space = Space::default();
        space.reserve(self.queue, data.len() * self.element().size())?;
        for (block, values) in data.chunks(BLOCK).enumerate() {
            self.put(values, &mut space, block * BLOCK)?;
        }
        let shape = (data.len() / columns.max(1), columns);
        Ok(CudaWeight::new(Arc::new(space), self.element(), shape, None))
    }

    /// Writes numbers to a weight, from its number `at` on.
    fn put(&mut self, values: &[f32], space: &mut Space<Q>, at: usize) -> Result<(), CudaError> {
        let bytes = bytemuck::cast_slice(values);
        match self.element() {
            Element::F32 => space.write(self.queue, bytes, 4 * at),
            Element::Bf16 => {
                let from = self.state.staging.fill(self.queue, bytes)?;
                self.to_bf16(from, space.address() + 2 * at as u64, values.len())
            }
        }
    }
}

/// Whether the file's bytes are the card's.
fn is_stored_bf16(tensor: &RawTensor) -> bool {
    tensor.dtype() == DType::BF16 && tensor.row_order().is_none() && cfg!(target_endian = "little")
}

/// Widens rows on all threads.
fn widen(tensor: &RawTensor, rows: Range<usize>, out: &mut [f32]) -> Result<(), KernelError> {
    use rayon::prelude::*;
    let columns = tensor.columns().max(1);
    out.par_chunks_mut(ROWS * columns).enumerate().try_for_each(|(i, out)| {
        let from = rows.start + i * ROWS;
        tensor.dequantize_rows(from..from + out.len() / columns, out)
    })?;
    Ok(())
}
