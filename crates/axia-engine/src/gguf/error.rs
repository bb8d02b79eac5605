//! What can be wrong with a GGUF file.

use std::path::PathBuf;

use thiserror::Error;

use super::DType;
use crate::file_error::FileError;

/// A GGUF file that cannot be read, with the file's path.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GgufError {
    /// The file cannot be opened or mapped.
    #[error(transparent)]
    File(#[from] FileError),
    /// The bytes are not a sound GGUF file.
    #[error("`{}` is not a sound GGUF file (byte {offset}): {problem}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where in the file reading stopped, in bytes.
        offset: usize,
        /// What is wrong there.
        problem: GgufFormatError,
    },
    /// A metadata entry that is needed is absent.
    #[error("`{}` has no metadata `{key}`", path.display())]
    MissingMetadata {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// A metadata entry has another type than its meaning requires.
    #[error("metadata `{key}` of `{}` should be {expected}, found {found}", path.display())]
    MetadataType {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The kind of value that is needed.
        expected: &'static str,
        /// What the file has.
        found: String,
    },
    /// Bytes and output of a dequantisation do not belong together.
    #[error("{bytes} bytes of {dtype} do not hold {values} values")]
    DequantizeLength {
        /// The storage type.
        dtype: DType,
        /// The length of the input.
        bytes: usize,
        /// The length of the output.
        values: usize,
    },
    /// A storage type that is known but not yet understood.
    #[error(
        "values of type {dtype} cannot be read yet (readable: {}); use a file in one of those types",
        DType::readable_names()
    )]
    UnreadableType {
        /// The storage type.
        dtype: DType,
    },
}

/// What is wrong with the bytes of a GGUF file.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum GgufFormatError {
    /// The file does not begin with `GGUF`.
    #[error("it does not begin with `GGUF`")]
    Magic,
    /// A file written on a big-endian machine.
    #[error("it is big-endian; convert it to little-endian")]
    BigEndian,
    /// A version of the format that is not understood.
    #[error("version {0} of the format is not supported (2 and 3 are)")]
    Version(u32),
    /// The file ends early, or a length is wrong.
    #[error("{what} needs {needed} bytes, but only {left} are left")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// The bytes it needs.
        needed: u64,
        /// The bytes left in the file.
        left: usize,
    },
    /// A count or length beyond anything real.
    #[error("{what} is {found}, more than the {limit} that can be right")]
    TooLarge {
        /// The count or length.
        what: &'static str,
        /// What the file says.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// Text that is not UTF-8.
    #[error("{0} is not UTF-8")]
    Utf8(&'static str),
    /// An unknown type of metadata value.
    #[error("metadata `{key}` has the unknown value type {id}")]
    ValueType {
        /// The key.
        key: String,
        /// The type's id in the file.
        id: u32,
    },
    /// A key or tensor name that occurs twice.
    #[error("{what} `{name}` occurs twice")]
    Duplicate {
        /// "metadata" or "tensor".
        what: &'static str,
        /// The name.
        name: String,
    },
    /// `general.alignment` is not a power of two, or absurd.
    #[error("`general.alignment` is {0}, which is not a power of two up to 65536")]
    Alignment(u64),
    /// A tensor of an unknown storage type.
    #[error("tensor `{tensor}` has the unknown type {id}")]
    TensorType {
        /// The tensor.
        tensor: String,
        /// The type's id in the file.
        id: u32,
    },
    /// A tensor whose shape makes no sense.
    #[error("tensor `{tensor}` has the impossible shape {shape:?} for type {dtype}")]
    Shape {
        /// The tensor.
        tensor: String,
        /// Its shape, rows first.
        shape: Vec<u64>,
        /// Its storage type.
        dtype: DType,
    },
    /// A tensor that lies outside the file or off the alignment.
    #[error(
        "tensor `{tensor}` should lie at byte {offset} of the data, {bytes} bytes long, \
         which is {problem}"
    )]
    Place {
        /// The tensor.
        tensor: String,
        /// Its offset in the data section, in bytes.
        offset: u64,
        /// Its length in bytes.
        bytes: usize,
        /// "past the end of the file" or "not aligned".
        problem: &'static str,
    },
}
