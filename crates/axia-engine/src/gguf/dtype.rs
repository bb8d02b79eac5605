//! How the numbers of a tensor are stored.

use std::fmt;

/// Declares the storage types: variant, id in GGUF files, values per block, bytes per block.
macro_rules! storage_types {
    ($($(#[$note:meta])* $variant:ident = $id:literal, $values:literal in $bytes:literal;)*) => {
        /// The storage type of a tensor, with GGUF's names. A row is a whole number of blocks.
        ///
        /// All types of the format are listed, so that any file's directory can be checked and shown;
        /// [`DType::is_readable`] says which of them [`dequantize`](super::dequantize) understands.
        #[allow(non_camel_case_types, reason = "the format's own names")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum DType {
            $($(#[$note])* $variant,)*
        }

        impl DType {
            /// Every type of the format.
            pub const ALL: &'static [DType] = &[$(DType::$variant,)*];

            /// The type with this id in GGUF files.
            pub fn from_gguf_id(id: u32) -> Option<Self> {
                match id {
                    $($id => Some(DType::$variant),)*
                    _ => None,
                }
            }

            /// The id of this type in GGUF files.
            pub fn gguf_id(self) -> u32 {
                match self {
                    $(DType::$variant => $id,)*
                }
            }

            /// The name of this type, as GGUF tools print it.
            pub fn name(self) -> &'static str {
                match self {
                    $(DType::$variant => stringify!($variant),)*
                }
            }

            /// How many values one block holds (1 for plain numbers).
            pub const fn block_values(self) -> usize {
                match self {
                    $(DType::$variant => $values,)*
                }
            }

            /// How many bytes one block takes.
            pub const fn block_bytes(self) -> usize {
                match self {
                    $(DType::$variant => $bytes,)*
                }
            }
        }
    };
}

storage_types! {
    /// IEEE single precision.
    F32 = 0, 1 in 4;
    /// IEEE half precision.
    F16 = 1, 1 in 2;
    /// 4 bits, one scale for 32 values.
    Q4_0 = 2, 32 in 18;
    /// 4 bits, a scale and a minimum for 32 values.
    Q4_1 = 3, 32 in 20;
    /// 5 bits, one scale for 32 values.
    Q5_0 = 6, 32 in 22;
    /// 5 bits, a scale and a minimum for 32 values.
    Q5_1 = 7, 32 in 24;
    /// 8 bits, one scale for 32 values.
    Q8_0 = 8, 32 in 34;
    /// 8 bits with block sums; an intermediate of llama.cpp.
    Q8_1 = 9, 32 in 36;
    /// About 2.6 bits, in super-blocks.
    Q2_K = 10, 256 in 84;
    /// About 3.4 bits, in super-blocks.
    Q3_K = 11, 256 in 110;
    /// 4.5 bits, in super-blocks.
    Q4_K = 12, 256 in 144;
    /// 5.5 bits, in super-blocks.
    Q5_K = 13, 256 in 176;
    /// About 6.6 bits, in super-blocks.
    Q6_K = 14, 256 in 210;
    /// 8 bits in super-blocks; an intermediate of llama.cpp.
    Q8_K = 15, 256 in 292;
    /// About 2.1 bits, from a codebook.
    IQ2_XXS = 16, 256 in 66;
    /// About 2.3 bits, from a codebook.
    IQ2_XS = 17, 256 in 74;
    /// About 3.1 bits, from a codebook.
    IQ3_XXS = 18, 256 in 98;
    /// About 1.6 bits, from a codebook.
    IQ1_S = 19, 256 in 50;
    /// 4.5 bits, non-linear levels.
    IQ4_NL = 20, 32 in 18;
    /// About 3.4 bits, from a codebook.
    IQ3_S = 21, 256 in 110;
    /// About 2.6 bits, from a codebook.
    IQ2_S = 22, 256 in 82;
    /// 4.25 bits, non-linear levels in super-blocks.
    IQ4_XS = 23, 256 in 136;
    /// 8-bit integers.
    I8 = 24, 1 in 1;
    /// 16-bit integers.
    I16 = 25, 1 in 2;
    /// 32-bit integers.
    I32 = 26, 1 in 4;
    /// 64-bit integers.
    I64 = 27, 1 in 8;
    /// IEEE double precision.
    F64 = 28, 1 in 8;
    /// 1.75 bits, from a codebook.
    IQ1_M = 29, 256 in 56;
    /// The upper half of single precision.
    BF16 = 30, 1 in 2;
    /// Ternary, 1.7 bits.
    TQ1_0 = 34, 256 in 54;
    /// Ternary, 2.1 bits.
    TQ2_0 = 35, 256 in 66;
    /// 4-bit floats with a shared exponent.
    MXFP4 = 39, 32 in 17;
}

impl DType {
    /// Whether tensors of this type can be dequantised.
    pub fn is_readable(self) -> bool {
        matches!(
            self,
            DType::F32
                | DType::F16
                | DType::BF16
                | DType::Q4_0
                | DType::Q4_1
                | DType::Q5_0
                | DType::Q5_1
                | DType::Q8_0
                | DType::Q2_K
                | DType::Q3_K
                | DType::Q4_K
                | DType::Q5_K
                | DType::Q6_K
                | DType::IQ4_NL
                | DType::IQ4_XS
        )
    }

    /// The names of all types that can be dequantised, for messages.
    pub fn readable_names() -> String {
        let names: Vec<&str> = Self::ALL
            .iter()
            .filter(|dtype| dtype.is_readable())
            .map(|dtype| dtype.name())
            .collect();
        names.join(", ")
    }

    /// The bytes that `values` numbers take, or `None` if they do not fill whole blocks or overflow.
    pub fn bytes_for(self, values: usize) -> Option<usize> {
        let whole = values.is_multiple_of(self.block_values());
        whole.then(|| (values / self.block_values()).checked_mul(self.block_bytes()))?
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_and_unknown_ids_are_none() {
        for dtype in DType::ALL {
            assert_eq!(DType::from_gguf_id(dtype.gguf_id()), Some(*dtype));
        }
        assert_eq!(DType::from_gguf_id(4), None);
        assert_eq!(DType::from_gguf_id(u32::MAX), None);
    }

    #[test]
    fn sizes_count_whole_blocks() {
        assert_eq!(DType::Q4_1.bytes_for(64), Some(40));
        assert_eq!(DType::Q4_1.bytes_for(33), None);
        assert_eq!(DType::F32.bytes_for(usize::MAX), None);
        assert_eq!(DType::F32.bytes_for(0), Some(0));
    }
}
