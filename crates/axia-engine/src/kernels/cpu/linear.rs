//! Linear layers on the CPU: frozen weights, kept as the file stores them and widened to f32 block
//! by block, with LoRA pairs beside them.

use super::gemm::{Mat, MatMut, gemm, gemm_serial};
use crate::checkpoint_files::RawTensor;
use crate::kernels::{KernelError, LoraView, Write};
use rayon::prelude::*;
use std::ops::Range;

/// Weights widened at a time: 16 MB, so that a block is still in the last-level cache when the
/// product reads it.
const BLOCK: usize = 4 << 20;
/// Rows one thread widens at a time.
const ROWS: usize = 64;

/// A frozen weight matrix `(rows, columns)`.
#[derive(Debug)]
pub struct CpuWeight {
    rows: usize,
    columns: usize,
    storage: Storage,
}

#[derive(Debug)]
enum Storage {
    Mapped(RawTensor),
    Widened(Vec<f32>),
}

impl CpuWeight {
    pub(super) fn mapped(tensor: RawTensor) -> Self {
        let (rows, columns) = (tensor.rows(), tensor.columns());
        Self { rows, columns, storage: Storage::Mapped(tensor) }
    }

    /// A matrix held in memory.
    pub fn owned(data: Vec<f32>, columns: usize) -> Self {
        let rows = data.len() / columns.max(1);
        Self { rows, columns, storage: Storage::Widened(data) }
    }

    /// Output width of the layer.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Input width of the layer.
    pub fn columns(&self) -> usize {
        self.columns
    }

    fn as_f32(&self) -> Option<&[f32]> {
        match &self.storage {
            Storage::Mapped(tensor) => tensor.as_f32_slice(),
            Storage::Widened(data) => Some(data),
        }
    }

    /// Writes the rows of `range` to `out` as f32.
    pub(super) fn widen(&self, range: Range<usize>, out: &mut [f32]) {
        self.widen_merged(range, None, out);
    }

    /// Writes the rows of `range` to `out` as f32 with the low-rank update added, a few rows at a
    /// time, so that they are still in the cache when the update reaches them.
    fn widen_merged(&self, range: Range<usize>, lora: Option<LoraView<Vec<f32>>>, out: &mut [f32]) {
        out.par_chunks_mut(ROWS * self.columns).enumerate().for_each(|(i, out)| {
            let from = range.start + i * ROWS;
            let rows = from..from + out.len() / self.columns;
            self.widen_rows(rows.clone(), out);
            if let Some(lora) = lora {
                let b = &lora.b[rows.start * lora.rank..rows.end * lora.rank];
                let b = Mat::new(b, rows.len(), lora.rank);
                let a = Mat::new(lora.a, lora.rank, self.columns);
                gemm_serial(lora.scale, b, a, true, MatMut::new(out, rows.len(), self.columns));
            }
        });
    }

    fn widen_rows(&self, rows: Range<usize>, out: &mut [f32]) {
        match &self.storage {
            Storage::Widened(data) => {
                out.copy_from_slice(&data[rows.start * self.columns..rows.end * self.columns]);
            }
            Storage::Mapped(tensor) => {
                if let Err(error) = tensor.dequantize_rows(rows, out) {
                    unreachable!("blocks lie in the matrix: {error}");
                }
            }
        }
    }

    /// Calls `f(rows, weights)` for blocks of rows that cover the matrix, in order. A low-rank
    /// update is merged into the weights where that costs less than applying it to `tokens` rows
    /// apart ([`merge_pays`]).
    pub(super) fn for_each_block(
        &self,
        lora: Option<LoraView<Vec<f32>>>,
        tokens: usize,
        scratch: &mut Vec<f32>,
        mut f: impl FnMut(Range<usize>, &[f32]),
    ) {
        let lora = lora.filter(|_| merge_pays(tokens, self.rows, self.columns));
        if let (Some(data), None) = (self.as_f32(), lora) {
            return f(0..self.rows, data);
        }
        let step = (BLOCK / self.columns.max(1)).max(1);
        for from in (0..self.rows).step_by(step) {
            let range = from..(from + step).min(self.rows);
            let len = range.len() * self.columns;
            if scratch.len() < len {
                scratch.resize(len, 0.0);
            }
            let block = &mut scratch[..len];
            self.widen_merged(range.clone(), lora, block);
            f(range, block);
        }
        if let Storage::Mapped(tensor) = &self.storage {
            // Widened already: the file's pages need not count as this process's memory until
            // the next pass asks for them again.
            tensor.release_pages();
        }
    }

    /// Looks for NaN and infinity.
    pub(super) fn check_finite(&self) -> Result<(), KernelError> {
        let Storage::Mapped(tensor) = &self.storage else { return Ok(()) };
        let mut rows = vec![0f32; ROWS * self.columns];
        for from in (0..self.rows).step_by(ROWS) {
            let range = from..(from + ROWS).min(self.rows);
            let block = &mut rows[..range.len() * self.columns];
            tensor.dequantize_rows(range, block)?;
            tensor.check_finite(block, from)?;
        }
        Ok(())
    }

    /// Calls `f(rows, weights)` for blocks of rows that cover the matrix, in order, with the low-rank
    /// update merged in.
    pub(crate) fn for_each_merged_block(
        &self,
        lora: Option<LoraView<Vec<f32>>>,
        f: impl FnMut(Range<usize>, &[f32]),
    ) {
        self.for_each_block(lora, usize::MAX, &mut Vec::new(), f);
    }

    /// The whole matrix as f32 with the low-rank update merged in.
    pub(super) fn merged(&self, lora: Option<LoraView<Vec<f32>>>) -> Self {
        let mut data = vec![0f32; self.rows * self.columns];
        self.for_each_merged_block(lora, |range, block| {
            data[range.start * self.columns..range.end * self.columns].copy_from_slice(block);
        });
        Self::owned(data, self.columns)
    }
}

/// Whether merging `scale · B A` into the weight, `2·r·in·out` operations, costs less than taking
/// `tokens` rows through `A` and `B`, `2·r·tokens·(in + out)`.
pub(super) fn merge_pays(tokens: usize, out: usize, input: usize) -> bool {
    tokens.saturating_mul(input + out) > input * out
}

/// `y = x (W + scale · B A)ᵀ`
pub(super) fn linear(
    x: &[f32],
    weight: &CpuWeight,
    lora: Option<LoraView<Vec<f32>>>,
    write: Write,
    y: &mut [f32],
    scratch: &mut Vec<f32>,
) {
    let (out, input) = (weight.rows(), weight.columns());
    let tokens = x.len() / input;
    let x = Mat::new(x, tokens, input);
    weight.for_each_block(lora, tokens, scratch, |range, block| {
        let w = Mat::new(block, range.len(), input);
        let y = MatMut::strided(&mut y[range.start..], tokens, range.len(), out);
        gemm(1.0, x, w.t(), write == Write::Add, y);
    });
    if let Some(lora) = lora.filter(|_| !merge_pays(tokens, out, input)) {
        let down = low_rank(x, Mat::new(lora.a, lora.rank, input).t(), tokens, lora.rank);
        let b = Mat::new(lora.b, out, lora.rank);
        let down = Mat::new(&down, tokens, lora.rank);
        gemm(lora.scale, down, b.t(), true, MatMut::new(y, tokens, out));
    }
}

/// `dx = dy (W + scale · B A)`
pub(super) fn linear_backward(
    dy: &[f32],
    weight: &CpuWeight,
    lora: Option<LoraView<Vec<f32>>>,
    write: Write,
    dx: &mut [f32],
    scratch: &mut Vec<f32>,
) {
    let (out, input) = (weight.rows(), weight.columns());
    let tokens = dy.len() / out;
    weight.for_each_block(lora, tokens, scratch, |range, block| {
        let w = Mat::new(block, range.len(), input);
        let dy = Mat::strided(&dy[range.start..], tokens, range.len(), out);
        let add = write == Write::Add || range.start > 0;
        gemm(1.0, dy, w, add, MatMut::new(dx, tokens, input));
    });
    if let Some(lora) = lora.filter(|_| !merge_pays(tokens, out, input)) {
        let dy = Mat::new(dy, tokens, out);
        let up = low_rank(dy, Mat::new(lora.b, out, lora.rank), tokens, lora.rank);
        let a = Mat::new(lora.a, lora.rank, input);
        let up = Mat::new(&up, tokens, lora.rank);
        gemm(lora.scale, up, a, true, MatMut::new(dx, tokens, input));
    }
}

/// `db += scale · dyᵀ (x Aᵀ)` and `da += scale · (dy B)ᵀ x`
pub(super) fn lora_backward(
    x: &[f32],
    dy: &[f32],
    lora: LoraView<Vec<f32>>,
    da: &mut [f32],
    db: &mut [f32],
) {
    let rank = lora.rank;
    let (input, out) = (da.len() / rank, db.len() / rank);
    let tokens = x.len() / input;
    let (x, dy) = (Mat::new(x, tokens, input), Mat::new(dy, tokens, out));
    let down = low_rank(x, Mat::new(lora.a, rank, input).t(), tokens, rank);
    let down = Mat::new(&down, tokens, rank);
    gemm(lora.scale, dy.t(), down, true, MatMut::new(db, out, rank));
    let up = low_rank(dy, Mat::new(lora.b, out, rank), tokens, rank);
    let up = Mat::new(&up, tokens, rank);
    gemm(lora.scale, up.t(), x, true, MatMut::new(da, rank, input));
}

fn low_rank(x: Mat, factor: Mat, tokens: usize, rank: usize) -> Vec<f32> {
    let mut narrow = vec![0f32; tokens * rank];
    gemm(1.0, x, factor, false, MatMut::new(&mut narrow, tokens, rank));
    narrow
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_gradient, random};
    use super::*;
    use crate::kernels::LoraPair;

    fn pair(input: usize, out: usize) -> LoraPair<Vec<f32>> {
        LoraPair { a: random(2 * input, 5), b: random(out * 2, 6), rank: 2, scale: 1.5 }
    }

    /// `Σ dy ∘ (x (W + s B A)ᵀ)` in double precision.
    fn loss(x: &[f32], w: &[f32], lora: &LoraPair<Vec<f32>>, dy: &[f32], input: usize) -> f64 {
        let out = w.len() / input;
        let mut sum = 0.0;
        for t in 0..x.len() / input {
            for o in 0..out {
                for i in 0..input {
                    let low: f64 = (0..lora.rank)
                        .map(|r| {
                            f64::from(lora.b[o * lora.rank + r]) * f64::from(lora.a[r * input + i])
                        })
                        .sum();
                    let w = f64::from(w[o * input + i]) + f64::from(lora.scale) * low;
                    sum += f64::from(dy[t * out + o]) * f64::from(x[t * input + i]) * w;
                }
            }
        }
        sum
    }

    #[test]
    fn both_routes_give_the_same_outputs_and_gradients() {
        let (input, out) = (6, 5);
        let w = random(out * input, 1);
        let lora = pair(input, out);
        // Two tokens go apart through A and B, nine through the merged weight.
        for tokens in [2, 9] {
            assert_eq!(merge_pays(tokens, out, input), tokens == 9);
            let (x, dy) = (random(tokens * input, 2), random(tokens * out, 3));
            let weight = CpuWeight::owned(w.clone(), input);
            let mut scratch = Vec::new();
            let mut y = vec![0.0; tokens * out];
            linear(&x, &weight, Some(lora.view()), Write::Set, &mut y, &mut scratch);
            let value: f64 = y.iter().zip(&dy).map(|(&a, &b)| f64::from(a * b)).sum();
            assert!((value - loss(&x, &w, &lora, &dy, input)).abs() < 1e-4);
            let mut dx = vec![0.0; x.len()];
            linear_backward(&dy, &weight, Some(lora.view()), Write::Set, &mut dx, &mut scratch);
            check_gradient(&x, &dx, |x| loss(x, &w, &lora, &dy, input));
            let (mut da, mut db) = (vec![0.0; 2 * input], vec![0.0; out * 2]);
            lora_backward(&x, &dy, lora.view(), &mut da, &mut db);
            let with = |a: &[f32], b: &[f32]| LoraPair {
                a: a.to_vec(),
                b: b.to_vec(),
                ..pair(input, out)
            };
            check_gradient(&lora.a, &da, |a| loss(&x, &w, &with(a, &lora.b), &dy, input));
            check_gradient(&lora.b, &db, |b| loss(&x, &w, &with(&lora.a, b), &dy, input));
        }
    }
}
