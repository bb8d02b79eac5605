//! One tensor as a file stores it, widened to single precision on request.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::{CheckpointError, RowOrder, UnreadableTensor};
use crate::gguf::{DType, GgufFile, MappedFile, TensorInfo, dequantize};

/// Values a thread widens at a time: 64 Ki values, 256 KiB of output, so that it stays in the cache.
const VALUES_PER_TASK: usize = 1 << 16;

/// A tensor in a mapped file. Cloning copies a handle, not the values.
#[derive(Clone, Debug)]
pub struct RawTensor {
    name: String,
    shape: Vec<usize>,
    dtype: DType,
    row_order: Option<RowOrder>,
    map: Arc<MappedFile>,
    range: Range<usize>,
}

impl RawTensor {
    /// `range` must lie in the file and be as long as `shape` and `dtype` say: readers of directories
    /// check that before.
    pub(super) fn new(
        name: String,
        shape: Vec<usize>,
        dtype: DType,
        map: Arc<MappedFile>,
        range: Range<usize>,
    ) -> Self {
        Self { name, shape, dtype, row_order: None, map, range }
    }

    /// A tensor of a GGUF file by the name it has there, rows in file order; `None` if there is none.
    ///
    /// # Errors
    /// [`UnreadableTensor`] if its storage type is not understood.
    pub fn from_gguf(file: &GgufFile, gguf_name: &str) -> Option<Result<Self, UnreadableTensor>> {
        let info = file.tensor(gguf_name)?;
        Some(Self::from_directory(file, info, gguf_name.to_owned(), None))
    }

    /// A tensor of a GGUF file's directory, under a name and in an order of rows of its own.
    pub(crate) fn from_directory(
        file: &GgufFile,
        info: &TensorInfo,
        name: String,
        row_order: Option<RowOrder>,
    ) -> Result<Self, UnreadableTensor> {
        if !info.dtype.is_readable() {
            return Err(UnreadableTensor {
                path: file.path().to_owned(),
                tensor: name,
                found: info.dtype.to_string(),
            });
        }
        Ok(Self {
            name,
            shape: info.shape.clone(),
            dtype: info.dtype,
            row_order,
            map: Arc::clone(file.map()),
            range: info.range.clone(),
        })
    }

    /// The name, in Hugging Face's style: `model.layers.0.self_attn.q_proj.weight`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file the tensor lies in.
    pub fn path(&self) -> &Path {
        self.map.path()
    }

    /// The shape, rows first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How the values are stored.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The order of the rows in the file, if it is not Hugging Face's. The methods that widen apply it.
    pub fn row_order(&self) -> Option<RowOrder> {
        self.row_order
    }

    /// The stored bytes, rows in file order.
    pub fn bytes(&self) -> &[u8] {
        self.map.bytes().get(self.range.clone()).unwrap_or_default()
    }

    /// The length of a row: the last dimension (1 for a scalar).
    pub fn columns(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// The number of rows: the product of all dimensions but the last (1 for a vector).
    pub fn rows(&self) -> usize {
        self.shape.iter().rev().skip(1).product()
    }

    /// The number of values.
    pub fn values(&self) -> usize {
        self.rows() * self.columns()
    }

    /// Widens `rows`, in Hugging Face's order, to single precision. Runs on the calling thread.
    ///
    /// # Shapes
    /// `out`: (rows.len(), columns)
    ///
    /// # Errors
    /// [`CheckpointError::Rows`] if `rows` are not all in the tensor or `out` has another length.
    pub fn dequantize_rows(
        &self,
        rows: Range<usize>,
        out: &mut [f32],
    ) -> Result<(), CheckpointError> {
        let columns = self.columns();
        let fits = rows.start <= rows.end
            && rows.end <= self.rows()
            && Some(out.len()) == rows.len().checked_mul(columns);
        if !fits {
            return Err(self.wrong_rows(&rows, out.len()));
        }
        let Some(order) = self.row_order else {
            return self.widen_stored(rows, out);
        };
        if self.shape.len() == 1 {
            return self.widen_reordered(order, rows, out);
        }
        for (row, out) in rows.zip(out.chunks_exact_mut(columns.max(1))) {
            let stored = order.stored_row(row);
            self.widen_stored(stored..stored + 1, out)?;
        }
        Ok(())
    }

    /// Widens the whole tensor on all threads, rows in Hugging Face's order.
    ///
    /// # Shapes
    /// `out`: (rows, columns)
    ///
    /// # Errors
    /// [`CheckpointError::Rows`] if `out` has another length.
    pub fn dequantize_into(&self, out: &mut [f32]) -> Result<(), CheckpointError> {
        if out.len() != self.values() {
            return Err(self.wrong_rows(&(0..self.rows()), out.len()));
        }
        let columns = self.columns().max(1);
        let rows_per_task = (VALUES_PER_TASK / columns).max(1);
        out.par_chunks_mut(rows_per_task * columns).enumerate().try_for_each(|(task, out)| {
            let first = task * rows_per_task;
            self.dequantize_rows(first..first + out.len() / columns, out)
        })
    }

    /// The whole tensor in single precision, widened on all threads and checked for NaN and infinity.
    ///
    /// # Errors
    /// [`CheckpointError::NonFinite`] if the file is damaged.
    pub fn to_f32(&self) -> Result<Vec<f32>, CheckpointError> {
        let mut out = vec![0.0; self.values()];
        self.dequantize_into(&mut out)?;
        self.check_finite(&out, 0)?;
        Ok(out)
    }

    /// Checks widened values for NaN and infinity; `first_row` is the row of the first of them.
    ///
    /// # Errors
    /// [`CheckpointError::NonFinite`] with the index in the whole tensor.
    pub fn check_finite(&self, values: &[f32], first_row: usize) -> Result<(), CheckpointError> {
        let Some(index) = find_non_finite(values) else {
            return Ok(());
        };
        Err(CheckpointError::NonFinite {
            path: self.path().to_owned(),
            tensor: self.name.clone(),
            index: first_row * self.columns() + index,
            value: values.get(index).copied().unwrap_or(f32::NAN),
        })
    }

    /// The values in the file itself, if they are single precision, in Hugging Face's order and aligned
    /// for this machine.
    pub fn as_f32_slice(&self) -> Option<&[f32]> {
        let borrowable =
            self.dtype == DType::F32 && self.row_order.is_none() && cfg!(target_endian = "little");
        borrowable.then(|| bytemuck::try_cast_slice(self.bytes()).ok()).flatten()
    }

    /// Tells the system that this tensor is about to be read.
    pub fn will_need(&self) {
        self.map.will_need(&self.range);
    }

    /// Tells the system that this tensor will not be read again soon, so that its pages no longer count
    /// as this process's memory. Reading it again is fine.
    pub fn release_pages(&self) {
        self.map.release(&self.range);
    }

    /// Widens rows by their place in the file.
    fn widen_stored(&self, rows: Range<usize>, out: &mut [f32]) -> Result<(), CheckpointError> {
        let bytes = self
            .dtype
            .bytes_for(self.columns())
            .and_then(|row| self.bytes().get(rows.start * row..rows.end * row));
        match bytes {
            Some(bytes) => Ok(dequantize(self.dtype, bytes, out)?),
            None => Err(self.wrong_rows(&rows, out.len())),
        }
    }

    /// Widens a vector (a bias), whose values stand in the order of its matrix's rows.
    fn widen_reordered(
        &self,
        order: RowOrder,
        rows: Range<usize>,
        out: &mut [f32],
    ) -> Result<(), CheckpointError> {
        let mut stored = vec![0.0; out.len()];
        self.widen_stored(rows.clone(), &mut stored)?;
        for (place, value) in out.iter_mut().enumerate() {
            let found = stored.get(order.stored_row(place));
            *value = *found.ok_or_else(|| self.wrong_rows(&rows, stored.len()))?;
        }
        Ok(())
    }

    fn wrong_rows(&self, rows: &Range<usize>, values: usize) -> CheckpointError {
        CheckpointError::Rows {
            tensor: self.name.clone(),
            first: rows.start,
            end: rows.end,
            rows: self.rows(),
            columns: self.columns(),
            values,
        }
    }
}

/// The index of the first value that is NaN or infinite.
pub fn find_non_finite(values: &[f32]) -> Option<usize> {
    // Whole chunks without an early exit vectorise; the place is only looked for once one is found.
    const CHUNK: usize = 1024;
    let damaged = |value: &f32| value.to_bits() & 0x7f80_0000 == 0x7f80_0000;
    let (chunk, values) = values
        .chunks(CHUNK)
        .enumerate()
        .find(|(_, values)| values.iter().fold(false, |any, value| any | damaged(value)))?;
    Some(chunk * CHUNK + values.iter().position(damaged)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_that_is_not_finite_is_found() {
        let mut values = vec![f32::MAX; 5000];
        assert_eq!(find_non_finite(&values), None);
        values[4321] = f32::NEG_INFINITY;
        assert_eq!(find_non_finite(&values), Some(4321));
        values[1024] = f32::NAN;
        assert_eq!(find_non_finite(&values), Some(1024));
        assert_eq!(find_non_finite(&[]), None);
    }
}
