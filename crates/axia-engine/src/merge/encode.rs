//! Storage types of merged weights.

use std::fmt;

use half::{bf16, f16};

use crate::gguf::DType;

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
