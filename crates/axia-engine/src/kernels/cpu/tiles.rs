//! Register tiles of the attention kernels: small matrix products over ragged key ranges.
//!
//! These are written over `pulp`'s vectors: left to the compiler, the tiles end up as scalars.

use pulp::{Simd, WithSimd};

/// Rows of one register tile.
const ROWS: usize = 4;
/// Vectors in a row of a tile, so that each broadcast serves two multiply-adds.
const VECTORS: usize = 2;
/// Spare columns that transposed keys carry, so that a tile may read past the last key: two of
/// the widest vectors.
pub(super) const SPARE: usize = 32;

/// Rows of a matrix: row `r` begins at `r · stride`.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub data: &'a [f32],
    pub stride: usize,
}

/// The same, to write to.
pub(super) struct RowsMut<'a> {
    pub data: &'a mut [f32],
    pub stride: usize,
}

impl RowsMut<'_> {
    #[inline(always)]
    fn starting_at(&mut self, row: usize) -> RowsMut<'_> {
        RowsMut { data: &mut self.data[row * self.stride..], stride: self.stride }
    }
}

impl<'a> Rows<'a> {
    #[inline(always)]
    fn starting_at(self, row: usize) -> Rows<'a> {
        Rows { data: &self.data[row * self.stride..], stride: self.stride }
    }
}

/// `out[r][k] = rows[r] · columns[·][k]` for `count` rows and `keys` columns.
///
/// `rows` is `(count, dim)`; `columns` is `(dim, ≥ keys + SPARE)`; `out` is `(count, ≥ keys)`.
pub(super) struct RowTimesColumns<'a> {
    pub rows: Rows<'a>,
    pub count: usize,
    pub dim: usize,
    pub columns: Rows<'a>,
    pub keys: usize,
    pub out: RowsMut<'a>,
}

impl RowTimesColumns<'_> {
    pub(super) fn run(self) {
        pulp::Arch::new().dispatch(self);
    }
}

impl WithSimd for RowTimesColumns<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for first in (0..self.count).step_by(ROWS) {
            let (rows, out) = (self.rows.starting_at(first), self.out.starting_at(first));
            let tile = Tile { simd, columns: self.columns, terms: self.dim, width: self.keys };
            let weights = Weights { data: rows.data, row: rows.stride, term: 1 };
            match self.count - first {
                1 => tile.set::<1>(weights, out),
                2 => tile.set::<2>(weights, out),
                3 => tile.set::<3>(weights, out),
                _ => tile.set::<ROWS>(weights, out),
            }
        }
    }
}

/// `out[r] += Σ_t weight(r, t) · terms[t]` for `count` rows, over `dim` columns.
pub(super) struct AddWeighted<'a> {
    pub weights: Weights<'a>,
    pub count: usize,
    pub terms: Rows<'a>,
    pub term_count: usize,
    pub dim: usize,
    pub out: RowsMut<'a>,
}

impl AddWeighted<'_> {
    pub(super) fn run(self) {
        pulp::Arch::new().dispatch(self);
    }
}

impl WithSimd for AddWeighted<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for first in (0..self.count).step_by(ROWS) {
            let out = self.out.starting_at(first);
            let weights =
                Weights { data: &self.weights.data[first * self.weights.row..], ..self.weights };
            let tile = Tile { simd, columns: self.terms, terms: self.term_count, width: self.dim };
            match self.count - first {
                1 => tile.add::<1>(weights, out),
                2 => tile.add::<2>(weights, out),
                3 => tile.add::<3>(weights, out),
                _ => tile.add::<ROWS>(weights, out),
            }
        }
    }
}

/// Weight of output row `r` and term `t`: `data[r · row + t · term]`.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    pub data: &'a [f32],
    pub row: usize,
    pub term: usize,
}

/// One product `Σ_t weight(r, t) · columns[t][c]` over `terms` terms and `width` columns.
struct Tile<'a, S> {
    simd: S,
    columns: Rows<'a>,
    terms: usize,
    width: usize,
}

impl<S: Simd> Tile<'_, S> {
    /// Overwrites `R` rows of `out`. Reads columns past `width`.
    #[inline(always)]
    fn set<const R: usize>(&self, weights: Weights, out: RowsMut) {
        let step = VECTORS * S::F32_LANES;
        for column in (0..self.width).step_by(step) {
            let sums = self.sums::<R, VECTORS>(weights, column, step);
            for (r, sums) in sums.iter().enumerate() {
                let out = &mut out.data[r * out.stride + column..][..step.min(self.width - column)];
                for (out, sum) in out.chunks_mut(S::F32_LANES).zip(sums) {
                    self.simd.partial_store_f32s(out, *sum);
                }
            }
        }
    }

    /// Adds to `R` rows of `out`; reads no column past `width`.
    #[inline(always)]
    fn add<const R: usize>(&self, weights: Weights, mut out: RowsMut) {
        let mut column = 0;
        while column + VECTORS * S::F32_LANES <= self.width {
            self.add_columns::<R, VECTORS>(weights, column, VECTORS * S::F32_LANES, &mut out);
            column += VECTORS * S::F32_LANES;
        }
        while column < self.width {
            let width = S::F32_LANES.min(self.width - column);
            self.add_columns::<R, 1>(weights, column, width, &mut out);
            column += width;
        }
    }

    #[inline(always)]
    fn add_columns<const R: usize, const V: usize>(
        &self,
        weights: Weights,
        column: usize,
        width: usize,
        out: &mut RowsMut,
    ) {
        let sums = self.sums::<R, V>(weights, column, width);
        for (r, sums) in sums.iter().enumerate() {
            let out = &mut out.data[r * out.stride + column..][..width];
            for (out, sum) in out.chunks_mut(S::F32_LANES).zip(sums) {
                let old = self.simd.partial_load_f32s(out);
                self.simd.partial_store_f32s(out, self.simd.add_f32s(old, *sum));
            }
        }
    }

    /// The sums of `R` rows over `width` columns from `column` on.
    #[inline(always)]
    fn sums<const R: usize, const V: usize>(
        &self,
        weights: Weights,
        column: usize,
        width: usize,
    ) -> [[S::f32s; V]; R] {
        let simd = self.simd;
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        for t in 0..self.terms {
            let values = &self.columns.data[t * self.columns.stride + column..][..width];
            let (full, rest) = S::as_simd_f32s(values);
            let mut vectors = [simd.splat_f32s(0.0); V];
            if full.len() >= V {
                vectors.copy_from_slice(&full[..V]);
            } else {
                vectors[0] = simd.partial_load_f32s(rest);
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let weight = simd.splat_f32s(weights.data[r * weights.row + t * weights.term]);
                for (sum, vector) in sums.iter_mut().zip(vectors) {
                    *sum = simd.mul_add_e_f32s(weight, vector, *sum);
                }
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::random;
    use super::*;

    #[test]
    fn tiles_equal_the_plain_sums_for_every_remainder() {
        for (count, keys, dim) in [(1, 1, 1), (2, 5, 16), (3, 33, 20), (4, 64, 64), (7, 70, 48)] {
            let rows = random(count * dim, 1);
            let stride = keys + SPARE;
            let columns = random(dim * stride, 2);
            let mut out = vec![0.0; count * keys];
            RowTimesColumns {
                rows: Rows { data: &rows, stride: dim },
                count,
                dim,
                columns: Rows { data: &columns, stride },
                keys,
                out: RowsMut { data: &mut out, stride: keys },
            }
            .run();
            for r in 0..count {
                for k in 0..keys {
                    let sum: f32 =
                        (0..dim).map(|d| rows[r * dim + d] * columns[d * stride + k]).sum();
                    assert!((out[r * keys + k] - sum).abs() < 1e-4);
                }
            }
            let values = random(keys * dim, 3);
            let mut mixed = vec![1.0; count * dim];
            AddWeighted {
                weights: Weights { data: &out, row: keys, term: 1 },
                count,
                terms: Rows { data: &values, stride: dim },
                term_count: keys,
                dim,
                out: RowsMut { data: &mut mixed, stride: dim },
            }
            .run();
            let mut back = vec![1.0; keys * dim];
            AddWeighted {
                weights: Weights { data: &out, row: 1, term: keys },
                count: keys,
                terms: Rows { data: &rows, stride: dim },
                term_count: count,
                dim,
                out: RowsMut { data: &mut back, stride: dim },
            }
            .run();
            for d in 0..dim {
                for r in 0..count {
                    let sum: f32 = (0..keys).map(|k| out[r * keys + k] * values[k * dim + d]).sum();
                    assert!((mixed[r * dim + d] - 1.0 - sum).abs() < 1e-3);
                }
                for k in 0..keys {
                    let sum: f32 = (0..count).map(|r| out[r * keys + k] * rows[r * dim + d]).sum();
                    assert!((back[k * dim + d] - 1.0 - sum).abs() < 1e-3);
                }
            }
        }
    }
}
