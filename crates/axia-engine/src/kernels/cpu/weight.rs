//! Frozen weights on the CPU: kept as the file stores them, widened to f32 block by block.

use super::gemm::{Mat, MatMut, gemm_serial};
use super::linear::merge_pays;
use crate::checkpoint_files::RawTensor;
use crate::kernels::KernelError;
use crate::kernels::LoraView;
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
