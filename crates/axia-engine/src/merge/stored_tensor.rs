//! One tensor of the merged model, written without ever being in memory as a whole.

use std::io::{self, Write};

use super::{FloatType, MergeError};
use crate::checkpoint_files::RawTensor;
use crate::error::EngineError;
use crate::kernels::{CpuKernels, Kernels, LoraPair};

/// Bytes copied at a time.
const CHUNK: usize = 4 << 20;

/// A tensor of the base and how it is stored in the merged model.
#[derive(Debug)]
pub(super) struct StoredTensor {
    pub tensor: RawTensor,
    pub dtype: FloatType,
    /// Subtracted from every value: what converters to GGUF added.
    pub offset: f32,
    /// The adapter's pair on this layer, by its place in the adapter.
    pub pair: Option<usize>,
}

/// Why a tensor could not be written.
pub(super) enum WriteError {
    Io(io::Error),
    Merge(MergeError),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<MergeError> for WriteError {
    fn from(error: MergeError) -> Self {
        Self::Merge(error)
    }
}

impl StoredTensor {
    /// Bytes in the merged model.
    pub fn bytes(&self) -> u64 {
        self.tensor.values() as u64 * self.dtype.bytes()
    }

    /// Whether the base's own bytes are the merged model's.
    fn is_copied(&self) -> bool {
        self.pair.is_none()
            && self.offset == 0.0
            && self.tensor.row_order().is_none()
            && self.tensor.dtype() == self.dtype.dtype()
    }

    /// Writes the values, rows in Hugging Face's order. `written` hears of bytes and says whether to go on.
    pub fn write(
        &self,
        kernels: &CpuKernels,
        pairs: &[LoraPair<Vec<f32>>],
        out: &mut impl Write,
        written: &mut dyn FnMut(u64) -> bool,
    ) -> Result<(), WriteError> {
        if self.tensor.values() == 0 {
            return Ok(());
        }
        if self.is_copied() {
            for chunk in self.tensor.bytes().chunks(CHUNK) {
                out.write_all(chunk)?;
                go_on(written(chunk.len() as u64))?;
            }
            self.tensor.release_pages();
            return Ok(());
        }
        let weight = kernels.weight(self.tensor.clone()).map_err(MergeError::from)?;
        let pair = self.pair.and_then(|pair| pairs.get(pair));
        let (mut bytes, mut shifted) = (Vec::new(), Vec::new());
        let mut result = Ok(());
        weight.for_each_merged_block(pair.map(LoraPair::view), |rows, block| {
            if result.is_ok() {
                result = self
                    .encode(rows.start, block, &mut shifted, &mut bytes)
                    .and_then(|()| Ok(out.write_all(&bytes)?))
                    .and_then(|()| go_on(written(bytes.len() as u64)));
            }
        });
        result
    }

    fn encode(
        &self,
        first_row: usize,
        block: &[f32],
        shifted: &mut Vec<f32>,
        bytes: &mut Vec<u8>,
    ) -> Result<(), WriteError> {
        self.tensor.check_finite(block, first_row).map_err(MergeError::from)?;
        let mut values = block;
        if self.offset != 0.0 {
            shifted.clear();
            shifted.extend(block.iter().map(|value| value - self.offset));
            values = shifted;
        }
        bytes.clear();
        let overflow = |value| MergeError::Overflow {
            tensor: self.tensor.name().to_owned(),
            value,
            dtype: self.dtype,
        };
        Ok(self.dtype.encode(values, bytes).map_err(overflow)?)
    }
}

fn go_on(wanted: bool) -> Result<(), WriteError> {
    if wanted { Ok(()) } else { Err(WriteError::Merge(EngineError::Cancelled.into())) }
}
