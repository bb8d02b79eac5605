//! One tensor of the merged model, written without ever being in memory as a whole.

use super::MergeError;
use crate::checkpoint_files::RawTensor;
use crate::error::EngineError;
use crate::gguf::DType;
use crate::kernels::{CpuKernels, Kernels, LoraPair};
use half::{bf16, f16};
use std::fmt;
use std::io::{self, Write};

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

/// A plain floating-point type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatType {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of single precision.
    Bf16,
}

impl FloatType {
    /// Of a storage type, if it is plain.
    pub fn of(dtype: DType) -> Option<Self> {
        match dtype {
            DType::F32 => Some(Self::F32),
            DType::F16 => Some(Self::F16),
            DType::BF16 => Some(Self::Bf16),
            _ => None,
        }
    }

    /// The storage type of the same name.
    pub(super) fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
        }
    }

    /// The name in `config.json`.
    pub fn torch_name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
        }
    }

    /// The name in safetensors files.
    pub(super) fn safetensors_name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
        }
    }

    /// Bytes of a value.
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Rounds values to this type (to nearest, ties to even) and appends their bytes to `out`.
    ///
    /// # Errors
    /// The first value that is not finite in this type.
    pub(super) fn encode(self, values: &[f32], out: &mut Vec<u8>) -> Result<(), f32> {
        let finite = |value: f32, rounds_finite: bool| match rounds_finite {
            true => Ok(()),
            false => Err(value),
        };
        match self {
            Self::F32 => {
                for &value in values {
                    finite(value, value.is_finite())?;
                    out.extend_from_slice(&value.to_le_bytes());
                }
            }
            Self::F16 => {
                for &value in values {
                    let rounded = f16::from_f32(value);
                    finite(value, rounded.is_finite())?;
                    out.extend_from_slice(&rounded.to_le_bytes());
                }
            }
            Self::Bf16 => {
                for &value in values {
                    let rounded = bf16::from_f32(value);
                    finite(value, rounded.is_finite())?;
                    out.extend_from_slice(&rounded.to_le_bytes());
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for FloatType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.torch_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_round_to_the_nearest_even_and_overflow_is_told() {
        let bytes = |dtype: FloatType, value: f32| {
            let mut out = Vec::new();
            dtype.encode(&[value], &mut out).map(|()| out)
        };
        assert_eq!(bytes(FloatType::F32, 1.5).unwrap(), [0, 0, 0xc0, 0x3f]);
        assert_eq!(bytes(FloatType::F16, 1.5).unwrap(), [0, 0x3e]);
        assert_eq!(bytes(FloatType::Bf16, 1.5).unwrap(), [0xc0, 0x3f]);
        // Halfway between 1 and 1 + 2⁻⁷, and between that and the next.
        assert_eq!(bytes(FloatType::Bf16, 1.0 + 2f32.powi(-8)).unwrap(), [0x80, 0x3f]);
        assert_eq!(bytes(FloatType::Bf16, 1.0 + 3.0 * 2f32.powi(-8)).unwrap(), [0x82, 0x3f]);
        assert_eq!(bytes(FloatType::F16, 70_000.0), Err(70_000.0));
        assert!(bytes(FloatType::Bf16, 70_000.0).is_ok());
        assert!(bytes(FloatType::F32, f32::NAN).is_err());
    }
}
