//! Which attention kernels serve a layer, and how they are spread over a card: pure arithmetic.

use super::blas::Element;
use super::error::CudaError;
use super::queue::{Launch, first_axis, layers};

/// Keys that the kernels work on at a time.
pub(super) const KEYS: u32 = 32;
/// Widest heads that the kernels cover.
pub(super) const WIDEST_HEAD: usize = 256;

/// In single precision: threads of a block, numbers between rows of a tile, and numbers from one row
/// of weights to the next.
const THREADS: u32 = 128;
const GAP: u32 = 4;
const WEIGHTS_STRIDE: u32 = KEYS + GAP;
/// On tensor cores: numbers between rows of a tile.
const TENSOR_GAP: u32 = 8;

/// The kernels for a width of heads: in single precision, or on tensor cores with factors in bf16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AttentionClass {
    element: Element,
    /// The width that heads are padded to.
    pub dim: u32,
    /// Rows of a tile: of the forward pass, of the backward pass, and of a forward pass alone with
    /// few queries, such as one that draws tokens; that is in single precision always.
    pub forward_rows: u32,
    pub backward_rows: u32,
    pub few_rows: u32,
    /// Rows that the keys' gradients take at a time.
    key_rows: u32,
}

/// A kernel and its blocks.
pub(super) type Planned = (&'static str, Launch);

impl AttentionClass {
    /// For heads of `head_dim`, and factors of products stored as `element`.
    pub fn of(head_dim: usize, element: Element) -> Result<Self, CudaError> {
        let dim = match head_dim {
            0..=64 => 64,
            65..=128 => 128,
            129..=WIDEST_HEAD => 256,
            _ => return Err(CudaError::HeadWidth { found: head_dim, most: WIDEST_HEAD }),
        };
        let (forward_rows, backward_rows, key_rows) = match (element, dim) {
            (Element::F32, 256) => (32, 16, 16),
            (Element::F32, _) => (64, 32, 32),
            (Element::Bf16, 256) => (32, 32, 16),
            (Element::Bf16, _) => (64, 64, 32),
        };
        Ok(Self { element, dim, forward_rows, backward_rows, few_rows: 16, key_rows })
    }

    /// The forward pass over `tiles` tiles that were cut to `rows` rows, the largest of which has
    /// `most_rows`. Before a backward pass it must round as that does.
    pub fn forward(
        self,
        tiles: usize,
        kv_heads: usize,
        most_rows: usize,
        (rows, before_backward): (u32, bool),
    ) -> Result<Planned, CudaError> {
        let are_few = most_rows <= self.few_rows as usize && !before_backward;
        let rows = if are_few { self.few_rows } else { rows };
        let grid = tile_grid(tiles, kv_heads, most_rows, rows)?;
        let in_single = |kernel| (kernel, self.single(grid, rows, [1, 1, 1]));
        Ok(match (self.element, self.dim, rows) {
            (_, 64, 16) => in_single("attention_64_16"),
            (_, 128, 16) => in_single("attention_128_16"),
            (_, 256, 16) => in_single("attention_256_16"),
            (Element::F32, 64, 32) => in_single("attention_64_32"),
            (Element::F32, 64, _) => in_single("attention_64_64"),
            (Element::F32, 128, 32) => in_single("attention_128_32"),
            (Element::F32, 128, _) => in_single("attention_128_64"),
            (Element::F32, ..) => in_single("attention_256_32"),
            (Element::Bf16, dim, _) => {
                let kernel = match dim {
                    64 => "attention_bf16_64",
                    128 => "attention_bf16_128",
                    _ => "attention_bf16_256",
                };
                let numbers = self.tile(rows) + 2 * self.tile(KEYS);
                (kernel, Launch { grid, block: 2 * rows, shared: 2 * numbers + 4 * KEYS })
            }
        })
    }

    /// The backward pass with respect to queries, over tiles of `backward_rows` rows, as of
    /// [`Self::forward`].
    pub fn query_gradients(
        self,
        tiles: usize,
        kv_heads: usize,
        most_rows: usize,
    ) -> Result<Planned, CudaError> {
        let rows = self.backward_rows;
        let grid = tile_grid(tiles, kv_heads, most_rows, rows)?;
        let numbers = 2 * self.tile(rows) + 2 * self.tile(KEYS);
        let on_tensor_cores = Launch { grid, block: 2 * rows, shared: 2 * numbers + 4 * KEYS };
        let in_single = self.single(grid, rows, [2, 1, 1]);
        Ok(match (self.element, self.dim) {
            (Element::F32, 64) => ("query_gradients_64_32", in_single),
            (Element::F32, 128) => ("query_gradients_128_32", in_single),
            (Element::F32, _) => ("query_gradients_256_16", in_single),
            (Element::Bf16, 64) => ("query_gradients_bf16_64", on_tensor_cores),
            (Element::Bf16, 128) => ("query_gradients_bf16_128", on_tensor_cores),
            (Element::Bf16, _) => ("query_gradients_bf16_256", on_tensor_cores),
        })
    }

    /// The backward pass with respect to keys and values, over `items` work items.
    pub fn key_gradients(self, items: usize, kv_heads: usize) -> Result<Planned, CudaError> {
        let grid = [first_axis(items)?, layers("a layer", "key heads", kv_heads)?, 1];
        let rows = self.key_rows;
        let numbers = 2 * (self.tile(KEYS) + self.tile(rows));
        let shared = 2 * numbers + 16 * rows + 4 * KEYS;
        // A warp for 16 keys; two where wide heads are cut in half.
        let block = if self.dim == 256 { 128 } else { 64 };
        let on_tensor_cores = Launch { grid, block, shared };
        let in_single = self.single(grid, rows, [1, 2, 2]);
        Ok(match (self.element, self.dim) {
            (Element::F32, 64) => ("key_gradients_64_32", in_single),
            (Element::F32, 128) => ("key_gradients_128_32", in_single),
            (Element::F32, _) => ("key_gradients_256_16", in_single),
            (Element::Bf16, 64) => ("key_gradients_bf16_64", on_tensor_cores),
            (Element::Bf16, 128) => ("key_gradients_bf16_128", on_tensor_cores),
            (Element::Bf16, _) => ("key_gradients_bf16_256", on_tensor_cores),
        })
    }

    /// A launch in single precision with memory for `tiles` tiles of `rows` rows, `key_tiles` of
    /// keys, and `weights` blocks of weights.
    fn single(self, grid: [u32; 3], rows: u32, [tiles, key_tiles, weights]: [u32; 3]) -> Launch {
        let wide = (tiles * rows + key_tiles * KEYS) * (self.dim + GAP);
        let shared = 4 * (wide + weights * rows * WEIGHTS_STRIDE + KEYS);
        Launch { grid, block: THREADS, shared }
    }

    /// Numbers of a tile of `rows` rows on tensor cores.
    fn tile(self, rows: u32) -> u32 {
        rows * (self.dim + TENSOR_GAP)
    }
}

fn tile_grid(
    tiles: usize,
    kv_heads: usize,
    most_rows: usize,
    rows: u32,
) -> Result<[u32; 3], CudaError> {
    let parts = most_rows.div_ceil(rows as usize);
    Ok([
        first_axis(tiles)?,
        layers("a layer", "key heads", kv_heads)?,
        layers("a layer", "rows in a tile", parts)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::super::compile::SOURCES;
    use super::*;
    use proptest::prelude::*;

    /// The least that a block can have on the cards supported (compute capability 8.6).
    const SHARED_LIMIT: u32 = 99 << 10;
    const ELEMENTS: [Element; 2] = [Element::F32, Element::Bf16];

    proptest! {
        #[test]
        fn every_card_can_run_them_and_all_rows_are_covered(
            head_dim in 1usize..300, tiles in 1usize..1000, rows in 1usize..600,
            element in prop::sample::select(&ELEMENTS[..]),
        ) {
            let Ok(class) = AttentionClass::of(head_dim, element) else {
                prop_assert!(head_dim > WIDEST_HEAD);
                return Ok(());
            };
            prop_assert!(class.dim as usize >= head_dim);
            let few = rows <= class.few_rows as usize;
            let per_block = |rows| if few { class.few_rows } else { rows };
            let planned = [
                (class.forward(tiles, 8, rows, (class.forward_rows, false))?, per_block(class.forward_rows)),
                (class.forward(tiles, 8, rows, (class.backward_rows, true))?, class.backward_rows),
                (class.query_gradients(tiles, 8, rows)?, class.backward_rows),
            ];
            for ((_, launch), per_block) in planned {
                prop_assert_eq!(launch.grid[0] as usize, tiles);
                prop_assert!(launch.grid[2] as usize * per_block as usize >= rows);
                prop_assert!((launch.grid[2] as usize - 1) * (per_block as usize) < rows);
            }
            let known: Vec<&str> = SOURCES.iter().flat_map(|s| s.kernels).copied().collect();
            let all = planned.map(|(planned, _)| planned);
            for (kernel, launch) in all.into_iter().chain([class.key_gradients(tiles, 8)?]) {
                prop_assert!(known.contains(&kernel), "{}", kernel);
                prop_assert!(kernel.contains(&class.dim.to_string()), "{}", kernel);
                prop_assert!(launch.shared <= SHARED_LIMIT, "{}: {}", kernel, launch.shared);
                prop_assert!(launch.block <= 128 && launch.block.is_multiple_of(32));
            }
        }
    }

    #[test]
    fn names_tell_how_many_rows_a_block_has_and_what_it_multiplies() {
        for (head_dim, element) in [64, 128, 256].into_iter().flat_map(|d| ELEMENTS.map(|e| (d, e)))
        {
            let class = AttentionClass::of(head_dim, element).unwrap();
            let (few, _) = class.forward(1, 1, 16, (class.forward_rows, false)).unwrap();
            assert!(few.ends_with("_16"), "{few}");
            for rows in [(class.forward_rows, false), (class.backward_rows, true)] {
                let most_rows = if rows.1 { 16 } else { 600 };
                let (many, _) = class.forward(1, 1, most_rows, rows).unwrap();
                let (rows, _) = rows;
                let tail = match element {
                    Element::F32 => format!("attention_{head_dim}_{rows}"),
                    Element::Bf16 => format!("attention_bf16_{head_dim}"),
                };
                assert_eq!(many, tail);
            }
            let rows = class.backward_rows;
            let backward =
                [class.query_gradients(1, 1, 600).unwrap(), class.key_gradients(1, 1).unwrap()];
            for (kernel, _) in backward {
                match element {
                    Element::F32 => assert!(kernel.ends_with(&format!("{head_dim}_{rows}"))),
                    Element::Bf16 => assert!(kernel.ends_with(&format!("bf16_{head_dim}"))),
                }
            }
        }
    }
}
