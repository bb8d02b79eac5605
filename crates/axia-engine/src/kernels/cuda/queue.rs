//! What the kernels need of a card.

use super::error::CudaError;
use super::launch::Launch;
use super::matmul::Matmul;

/// An argument of a kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Argument {
    /// A pointer to the card's memory; 0 for none.
    Address(u64),
    /// `u32`
    Word(u32),
    /// `u64`
    Long(u64),
    /// `float`
    Float(f32),
}

impl Argument {
    /// Its bytes, those of shorter types first.
    pub fn bits(self) -> u64 {
        match self {
            Argument::Address(bits) | Argument::Long(bits) => bits,
            Argument::Word(word) => u64::from(word),
            Argument::Float(value) => u64::from(value.to_bits()),
        }
    }
}

/// A card's memory, and work on it that happens in the order in which it is asked for. Only
/// [`Self::download`] and [`Self::finish`] wait for the work before them.
pub trait Queue: Send + Sync {
    /// A piece of the card's memory, given back when dropped, after the work before it.
    type Memory: Send + Sync;

    /// Takes `bytes` of memory, whose contents are unspecified.
    ///
    /// # Errors
    /// [`CudaError::OutOfMemory`]
    fn allocate(&self, bytes: usize) -> Result<Self::Memory, CudaError>;
    /// Where `memory` begins; a multiple of 256.
    fn address(memory: &Self::Memory) -> u64;
    /// The bytes of `memory`.
    fn size(memory: &Self::Memory) -> usize;
    /// Bytes of memory that are free, where that is known.
    fn free_memory(&self) -> Option<u64>;
    /// Copies `data` to `memory`, from its byte `offset` on.
    ///
    /// # Errors
    /// [`CudaError::Length`] where it does not fit, [`CudaError::Failed`].
    fn upload(
        &self,
        data: &[u8],
        memory: &mut Self::Memory,
        offset: usize,
    ) -> Result<(), CudaError>;
    /// Waits for all work.
    ///
    /// # Errors
    /// [`CudaError::Failed`]
    fn finish(&self) -> Result<(), CudaError>;
    /// Copies the beginning of `memory` to `data`.
    ///
    /// # Errors
    /// As of [`Self::upload`].
    fn download(&self, memory: &Self::Memory, data: &mut [u8]) -> Result<(), CudaError>;
    /// Sets the first `bytes` of `memory` to zero.
    ///
    /// # Errors
    /// As of [`Self::upload`].
    fn clear(&self, memory: &mut Self::Memory, bytes: usize) -> Result<(), CudaError>;
    /// Copies the first `bytes` of `from` to `to`.
    ///
    /// # Errors
    /// As of [`Self::upload`].
    fn copy(
        &self,
        from: &Self::Memory,
        to: &mut Self::Memory,
        bytes: usize,
    ) -> Result<(), CudaError>;
    /// Runs a kernel of [`super::SOURCES`].
    ///
    /// # Errors
    /// [`CudaError::Failed`]
    ///
    /// # Safety
    /// The arguments must be those of the kernel, and all that it reads and writes through them must
    /// lie in memory of this queue.
    unsafe fn launch(
        &self,
        kernel: &'static str,
        launch: Launch,
        arguments: &[Argument],
    ) -> Result<(), CudaError>;
    /// Computes a matrix product.
    ///
    /// # Errors
    /// [`CudaError::Failed`]
    ///
    /// # Safety
    /// All three matrices must lie in memory of this queue.
    unsafe fn multiply(&self, product: &Matmul) -> Result<(), CudaError>;
}
