//! What the kernels need of a device: launches, copies, and how long they took.

use super::blas::Matmul;
use super::error::CudaError;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

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

/// All calls of one kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelTime {
    /// The kernel; all matrix products are one.
    pub kernel: &'static str,
    /// How often it was called.
    pub calls: u64,
    /// Seconds from each call to its end, added up.
    pub seconds: f64,
}

/// Calls and their time by kernel.
#[derive(Debug, Default)]
pub(super) struct Times(Mutex<BTreeMap<&'static str, (u64, Duration)>>);

impl Times {
    pub fn add(&self, kernel: &'static str, time: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (calls, sum) = all.entry(kernel).or_default();
        *calls += 1;
        *sum += time;
    }

    /// All of them, the longest first.
    pub fn all(&self) -> Vec<KernelTime> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let time = |(&kernel, &(calls, sum)): (_, &(u64, Duration))| KernelTime {
            kernel,
            calls,
            seconds: sum.as_secs_f64(),
        };
        let mut all: Vec<KernelTime> = all.iter().map(time).collect();
        all.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        all
    }
}

/// Threads of a block that works on elements or on a long row.
const BLOCK: u32 = 256;
/// Numbers that a thread moves at once.
const FOURS: usize = 4;
/// Most blocks of a kernel that walks through its array; enough to fill any card.
const MOST_BLOCKS: u64 = 1 << 16;
/// Most blocks along the first axis.
const MOST_ROWS: u64 = (1 << 31) - 1;
/// Most blocks along the other axes.
const MOST_LAYERS: u64 = (1 << 16) - 1;

/// A grid of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// Blocks along each axis, all at least 1.
    pub grid: [u32; 3],
    /// Threads of a block, whole warps.
    pub block: u32,
    /// Bytes of shared memory that the caller sets aside for a block.
    pub shared: u32,
}

impl Launch {
    /// For kernels whose threads walk through `len` elements, by fours where they can.
    pub(super) fn elements(len: usize) -> Self {
        Self::walkers(len.div_ceil(FOURS), MOST_BLOCKS, 1)
    }

    /// For `arrays` arrays of at most `len` elements, with at most `most` blocks each.
    pub(super) fn walkers(len: usize, most: u64, arrays: u32) -> Self {
        let blocks = (len as u64).div_ceil(u64::from(BLOCK)).clamp(1, most);
        Self { grid: [blocks as u32, arrays, 1], block: BLOCK, shared: 0 }
    }

    /// For kernels with a block for each of `rows` rows of `width`, which move four numbers at once.
    pub(super) fn rows_by_fours(rows: usize, width: usize) -> Result<Self, CudaError> {
        Self::rows(rows, width.div_ceil(FOURS))
    }

    /// For kernels with a block for each of `rows` rows of `width`.
    pub(super) fn rows(rows: usize, width: usize) -> Result<Self, CudaError> {
        let block = (width as u64).clamp(1, u64::from(BLOCK)).next_multiple_of(32) as u32;
        Ok(Self { grid: [first_axis(rows)?, 1, 1], block, shared: 0 })
    }

    /// For kernels with a warp for each of `rows` rows.
    pub(super) fn warps(rows: usize) -> Result<Self, CudaError> {
        let blocks = rows.div_ceil(BLOCK as usize / 32);
        Ok(Self { grid: [first_axis(blocks)?, 1, 1], block: BLOCK, shared: 0 })
    }
}

pub(super) fn first_axis(count: usize) -> Result<u32, CudaError> {
    axis("an array", "rows", count, MOST_ROWS)
}

/// Counts along a grid's second or third axis.
pub(super) fn layers(
    what: &'static str,
    unit: &'static str,
    count: usize,
) -> Result<u32, CudaError> {
    axis(what, unit, count, MOST_LAYERS)
}

fn axis(what: &'static str, unit: &'static str, count: usize, most: u64) -> Result<u32, CudaError> {
    let found = count as u64;
    if found > most {
        return Err(CudaError::TooLarge { what, found, unit, most });
    }
    Ok(count.max(1) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// How often each of `len` elements is reached by threads that start at their index and step by
    /// their number.
    fn visits(launch: Launch, len: usize) -> Vec<u32> {
        let threads = (launch.grid[0] * launch.block) as usize;
        let mut visits = vec![0; len];
        for thread in 0..threads {
            (thread..len).step_by(threads).for_each(|i| visits[i] += 1);
        }
        visits
    }

    proptest! {
        #[test]
        fn walkers_reach_every_element_once(len in 0usize..5000, most in 1u64..9) {
            let launch = Launch::walkers(len, most, 3);
            prop_assert!(launch.grid[0] >= 1 && u64::from(launch.grid[0]) <= most);
            prop_assert!(visits(launch, len).iter().all(|n| *n == 1));
        }

        #[test]
        fn grids_keep_the_cards_limits(len in 0usize..1 << 48, width in 0usize..1 << 20) {
            let all = Launch::elements(len);
            prop_assert!(u64::from(all.grid[0]) <= MOST_BLOCKS && all.block.is_multiple_of(32));
            match Launch::rows(len, width) {
                Ok(rows) => {
                    prop_assert!((1..=1024).contains(&rows.block) && rows.block.is_multiple_of(32));
                    prop_assert_eq!(rows.grid[0] as usize, len.max(1));
                }
                Err(_) => prop_assert!(len as u64 > MOST_ROWS),
            }
            if let Ok(warps) = Launch::warps(len) {
                let rows = u64::from(warps.grid[0]) * u64::from(warps.block / 32);
                prop_assert!(rows >= len as u64 && rows < len as u64 + 9);
            }
        }
    }
}
