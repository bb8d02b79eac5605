//! Register tiles of the attention kernels: small matrix products over ragged key ranges.

use super::simd::LANES;

/// Rows of one register tile.
const ROWS: usize = 4;
/// Columns of one register tile: two vectors of the widest kind, so that each load serves
/// `ROWS` multiply-adds. Transposed keys carry this many spare columns.
pub(super) const COLS: usize = 2 * LANES;

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
    fn from_row(&mut self, row: usize) -> RowsMut<'_> {
        RowsMut { data: &mut self.data[row * self.stride..], stride: self.stride }
    }
}

impl<'a> Rows<'a> {
    #[inline(always)]
    fn from_row(self, row: usize) -> Rows<'a> {
        Rows { data: &self.data[row * self.stride..], stride: self.stride }
    }
}

/// `out[r][k] = rows[r] · columns[·][k]` for `count` rows and `keys` columns.
///
/// `rows` is `(count, dim)`; `columns` is `(dim, ≥ keys + COLS)`; `out` is `(count, ≥ keys)`.
#[inline(always)]
pub(super) fn row_times_columns(
    rows: Rows,
    count: usize,
    dim: usize,
    columns: Rows,
    keys: usize,
    mut out: RowsMut,
) {
    for first in (0..count).step_by(ROWS) {
        let (tile, out) = (rows.from_row(first), out.from_row(first));
        match count - first {
            1 => score_tile::<1>(tile, dim, columns, keys, out),
            2 => score_tile::<2>(tile, dim, columns, keys, out),
            3 => score_tile::<3>(tile, dim, columns, keys, out),
            _ => score_tile::<ROWS>(tile, dim, columns, keys, out),
        }
    }
}

#[inline(always)]
fn score_tile<const R: usize>(rows: Rows, dim: usize, columns: Rows, keys: usize, out: RowsMut) {
    for key in (0..keys).step_by(COLS) {
        let width = (keys - key).min(COLS);
        let mut acc = [[0f32; COLS]; R];
        for d in 0..dim {
            let column = &columns.data[d * columns.stride + key..][..COLS];
            for r in 0..R {
                let x = rows.data[r * rows.stride + d];
                for l in 0..COLS {
                    acc[r][l] = x.mul_add(column[l], acc[r][l]);
                }
            }
        }
        for (r, acc) in acc.iter().enumerate() {
            out.data[r * out.stride + key..][..width].copy_from_slice(&acc[..width]);
        }
    }
}

/// `out[r] += Σ_k weights[r][k] · values[k]` for `count` rows, `keys` summands, `dim` columns.
#[inline(always)]
pub(super) fn weighted_values(
    weights: Rows,
    count: usize,
    values: Rows,
    keys: usize,
    mut out: RowsMut,
    dim: usize,
) {
    for first in (0..count).step_by(ROWS) {
        let w = Weights { data: weights.from_row(first).data, row: weights.stride, term: 1 };
        let out = out.from_row(first);
        match count - first {
            1 => value_tile::<1>(w, values, keys, out, dim),
            2 => value_tile::<2>(w, values, keys, out, dim),
            3 => value_tile::<3>(w, values, keys, out, dim),
            _ => value_tile::<ROWS>(w, values, keys, out, dim),
        }
    }
}

/// `out[k] += Σ_r weights[r][k] · rows[r]` for `keys` outputs and `count` summands: the transpose
/// of [`weighted_values`], used for the gradients of keys and values.
#[inline(always)]
pub(super) fn weighted_rows(
    weights: Rows,
    keys: usize,
    rows: Rows,
    count: usize,
    mut out: RowsMut,
    dim: usize,
) {
    for first in (0..keys).step_by(ROWS) {
        let w = Weights { data: &weights.data[first..], row: 1, term: weights.stride };
        let out = out.from_row(first);
        match keys - first {
            1 => value_tile::<1>(w, rows, count, out, dim),
            2 => value_tile::<2>(w, rows, count, out, dim),
            3 => value_tile::<3>(w, rows, count, out, dim),
            _ => value_tile::<ROWS>(w, rows, count, out, dim),
        }
    }
}

/// Weight of output row `r` and summand `k`: `data[r · row + k · term]`.
#[derive(Clone, Copy)]
struct Weights<'a> {
    data: &'a [f32],
    row: usize,
    term: usize,
}

#[inline(always)]
fn value_tile<const R: usize>(
    w: Weights,
    values: Rows,
    terms: usize,
    mut out: RowsMut,
    dim: usize,
) {
    let mut column = 0;
    while column + COLS <= dim {
        accumulate::<R, COLS>(w, values, terms, &mut out, column);
        column += COLS;
    }
    while column + LANES <= dim {
        accumulate::<R, LANES>(w, values, terms, &mut out, column);
        column += LANES;
    }
    while column < dim {
        accumulate::<R, 1>(w, values, terms, &mut out, column);
        column += 1;
    }
}

#[inline(always)]
fn accumulate<const R: usize, const C: usize>(
    w: Weights,
    values: Rows,
    terms: usize,
    out: &mut RowsMut,
    column: usize,
) {
    let mut acc = [[0f32; C]; R];
    for k in 0..terms {
        let value = &values.data[k * values.stride + column..][..C];
        for r in 0..R {
            let weight = w.data[r * w.row + k * w.term];
            for c in 0..C {
                acc[r][c] = weight.mul_add(value[c], acc[r][c]);
            }
        }
    }
    for (r, acc) in acc.iter().enumerate() {
        let out = &mut out.data[r * out.stride + column..][..C];
        for c in 0..C {
            out[c] += acc[c];
        }
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
            let stride = keys + COLS;
            let columns = random(dim * stride, 2);
            let mut out = vec![0.0; count * keys];
            row_times_columns(
                Rows { data: &rows, stride: dim },
                count,
                dim,
                Rows { data: &columns, stride },
                keys,
                RowsMut { data: &mut out, stride: keys },
            );
            for r in 0..count {
                for k in 0..keys {
                    let sum: f32 =
                        (0..dim).map(|d| rows[r * dim + d] * columns[d * stride + k]).sum();
                    assert!((out[r * keys + k] - sum).abs() < 1e-4);
                }
            }
            let values = random(keys * dim, 3);
            let mut mixed = vec![1.0; count * dim];
            weighted_values(
                Rows { data: &out, stride: keys },
                count,
                Rows { data: &values, stride: dim },
                keys,
                RowsMut { data: &mut mixed, stride: dim },
                dim,
            );
            let mut back = vec![1.0; keys * dim];
            weighted_rows(
                Rows { data: &out, stride: keys },
                keys,
                Rows { data: &rows, stride: dim },
                count,
                RowsMut { data: &mut back, stride: dim },
                dim,
            );
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
