//! How kernels are spread over a card: pure arithmetic.

use super::error::CudaError;

/// Threads of a block that works on elements or on a long row.
const BLOCK: u32 = 256;
/// Most blocks of a kernel that walks through its array; enough to fill any card.
const MOST_BLOCKS: u64 = 1 << 16;
/// Most blocks along the first axis.
const MOST_ROWS: u64 = (1 << 31) - 1;
/// Most blocks along the other axes.
const MOST_LAYERS: u64 = (1 << 16) - 1;
/// Threads of a block of the attention kernels.
const ATTENTION_BLOCK: u32 = 128;
/// Keys that the attention kernels work on at a time.
pub(super) const KEYS: u32 = 32;
/// Numbers from one row of attention weights to the next.
const WEIGHTS_STRIDE: u32 = KEYS + 4;

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
    /// For kernels whose threads walk through `len` elements.
    pub(super) fn elements(len: usize) -> Self {
        Self::walkers(len, MOST_BLOCKS, 1)
    }

    /// For `arrays` arrays of at most `len` elements, with at most `most` blocks each.
    pub(super) fn walkers(len: usize, most: u64, arrays: u32) -> Self {
        let blocks = (len as u64).div_ceil(u64::from(BLOCK)).clamp(1, most);
        Self { grid: [blocks as u32, arrays, 1], block: BLOCK, shared: 0 }
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

fn first_axis(count: usize) -> Result<u32, CudaError> {
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

/// Which of the attention kernels serve a head width, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AttentionClass {
    /// The width that heads are padded to.
    pub dim: u32,
    /// Rows of a tile: of the forward pass, of the backward pass, and of a forward pass with few
    /// queries, such as one that draws tokens.
    pub forward_rows: u32,
    pub backward_rows: u32,
    pub few_rows: u32,
}

/// Widest heads that the attention kernels cover.
pub(super) const WIDEST_HEAD: usize = 256;

impl AttentionClass {
    pub fn of(head_dim: usize) -> Result<Self, CudaError> {
        let (dim, forward_rows, backward_rows) = match head_dim {
            0..=64 => (64, 64, 32),
            65..=128 => (128, 64, 32),
            129..=WIDEST_HEAD => (256, 32, 16),
            _ => return Err(CudaError::HeadWidth { found: head_dim, most: WIDEST_HEAD }),
        };
        Ok(Self { dim, forward_rows, backward_rows, few_rows: 16 })
    }

    /// The forward kernel for tiles of `rows` rows.
    pub fn forward_kernel(self, rows: u32) -> &'static str {
        match (self.dim, rows) {
            (64, 16) => "attention_64_16",
            (64, 32) => "attention_64_32",
            (64, _) => "attention_64_64",
            (128, 16) => "attention_128_16",
            (128, 32) => "attention_128_32",
            (128, _) => "attention_128_64",
            (_, 16) => "attention_256_16",
            _ => "attention_256_32",
        }
    }

    /// The backward kernels for queries and for keys.
    pub fn backward_kernels(self) -> [&'static str; 2] {
        match self.dim {
            64 => ["query_gradients_64_32", "key_gradients_64_32"],
            128 => ["query_gradients_128_32", "key_gradients_128_32"],
            _ => ["query_gradients_256_16", "key_gradients_256_16"],
        }
    }

    /// Bytes of shared memory: `tiles` tiles of `rows` rows, `key_tiles` of keys, and `weights`
    /// blocks of weights.
    fn shared(self, rows: u32, [tiles, key_tiles, weights]: [u32; 3]) -> u32 {
        let wide = (tiles * rows + key_tiles * KEYS) * (self.dim + 4);
        4 * (wide + weights * rows * WEIGHTS_STRIDE + KEYS)
    }

    fn launch(self, grid: [u32; 3], rows: u32, parts: [u32; 3]) -> Launch {
        Launch { grid, block: ATTENTION_BLOCK, shared: self.shared(rows, parts) }
    }

    /// The forward pass over `tiles` tiles, the largest of which has `tile_rows` rows, in blocks of
    /// `rows`.
    pub fn forward(
        self,
        tiles: usize,
        kv_heads: usize,
        tile_rows: usize,
        rows: u32,
    ) -> Result<Launch, CudaError> {
        Ok(self.launch(tile_grid(tiles, kv_heads, tile_rows, rows)?, rows, [1, 1, 1]))
    }

    /// The backward pass with respect to queries, as of [`Self::forward`].
    pub fn query_gradients(
        self,
        tiles: usize,
        kv_heads: usize,
        tile_rows: usize,
    ) -> Result<Launch, CudaError> {
        let rows = self.backward_rows;
        Ok(self.launch(tile_grid(tiles, kv_heads, tile_rows, rows)?, rows, [2, 1, 1]))
    }

    /// The backward pass with respect to keys and values, over `items` work items.
    pub fn key_gradients(self, items: usize, kv_heads: usize) -> Result<Launch, CudaError> {
        let grid = [first_axis(items)?, layers("a layer", "key heads", kv_heads)?, 1];
        Ok(self.launch(grid, self.backward_rows, [1, 2, 2]))
    }
}

fn tile_grid(
    tiles: usize,
    kv_heads: usize,
    tile_rows: usize,
    rows: u32,
) -> Result<[u32; 3], CudaError> {
    let parts = tile_rows.div_ceil(rows as usize);
    Ok([
        first_axis(tiles)?,
        layers("a layer", "key heads", kv_heads)?,
        layers("a layer", "rows in a tile", parts)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::super::sources::SOURCES;
    use super::*;
    use proptest::prelude::*;

    /// The least that a block can have on the cards supported (compute capability 8.6).
    const SHARED_LIMIT: u32 = 99 << 10;

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

        #[test]
        fn attention_fits_every_card_and_covers_all_rows(
            head_dim in 1usize..300, tiles in 1usize..1000, rows in 1usize..600, few in any::<bool>(),
        ) {
            let Ok(class) = AttentionClass::of(head_dim) else {
                prop_assert!(head_dim > WIDEST_HEAD);
                return Ok(());
            };
            prop_assert!(class.dim as usize >= head_dim);
            let per_block = if few { class.few_rows } else { class.forward_rows };
            let launches = [
                class.forward(tiles, 8, rows, per_block)?,
                class.forward(tiles, 8, rows, class.backward_rows)?,
                class.query_gradients(tiles, 8, rows)?,
            ];
            for (launch, per_block) in launches.iter().zip([
                per_block, class.backward_rows, class.backward_rows,
            ]) {
                prop_assert!(launch.shared <= SHARED_LIMIT);
                prop_assert_eq!(launch.grid[0] as usize, tiles);
                prop_assert!(launch.grid[2] as usize * per_block as usize >= rows);
                prop_assert!((launch.grid[2] as usize - 1) * (per_block as usize) < rows);
            }
            prop_assert!(class.key_gradients(tiles, 8)?.shared <= SHARED_LIMIT);
        }
    }

    #[test]
    fn every_kernel_named_is_in_a_source() {
        let known: Vec<&str> = SOURCES.iter().flat_map(|s| s.kernels).copied().collect();
        for head_dim in [64, 128, 256] {
            let class = AttentionClass::of(head_dim).unwrap();
            let rows = [class.few_rows, class.backward_rows, class.forward_rows];
            let forward = rows.map(|rows| {
                let kernel = class.forward_kernel(rows);
                assert!(kernel.ends_with(&format!("{}_{rows}", class.dim)), "{kernel}");
                kernel
            });
            let backward = class.backward_kernels();
            let tail = format!("{}_{}", class.dim, class.backward_rows);
            assert!(backward.iter().all(|kernel| kernel.ends_with(&tail)));
            assert!(forward.iter().chain(&backward).all(|kernel| known.contains(kernel)));
        }
    }
}
