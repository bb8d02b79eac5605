//! How kernels are spread over a card: pure arithmetic.

use super::error::CudaError;

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
