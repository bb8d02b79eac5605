//! Writes GGUF files (version 3).

use super::{DType, MetadataArray, MetadataValue};

/// Alignment of the data section and of each tensor in it, in bytes.
const ALIGNMENT: usize = 32;

/// Collects metadata and tensors, then lays them out as a GGUF file.
#[derive(Clone, Debug, Default)]
pub struct GgufWriter {
    entries: Vec<(String, MetadataValue)>,
    tensors: Vec<StoredTensor>,
}

#[derive(Clone, Debug)]
struct StoredTensor {
    name: String,
    /// Rows first.
    shape: Vec<usize>,
    dtype: DType,
    bytes: Vec<u8>,
}

impl GgufWriter {
    /// An empty file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a metadata entry; keys must differ.
    pub fn entry(mut self, key: &str, value: MetadataValue) -> Self {
        self.entries.push((key.to_owned(), value));
        self
    }

    /// Adds a tensor of already encoded values; `shape` is rows first. Names must differ, and `bytes`
    /// must be as long as shape and type say: readers refuse the file otherwise.
    pub fn tensor(mut self, name: &str, shape: &[usize], dtype: DType, bytes: Vec<u8>) -> Self {
        self.tensors.push(StoredTensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            dtype,
            bytes,
        });
        self
    }

    /// Adds a tensor of single precision; `shape` is rows first.
    pub fn tensor_f32(self, name: &str, shape: &[usize], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, shape, DType::F32, bytes)
    }

    /// The bytes of the file: metadata and tensors in the order they were added.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        put_u32(&mut out, 3);
        put_len(&mut out, self.tensors.len());
        put_len(&mut out, self.entries.len());
        for (key, value) in &self.entries {
            put_string(&mut out, key);
            put_u32(&mut out, value_type(value));
            put_value(&mut out, value);
        }
        self.put_directory(&mut out);
        for tensor in &self.tensors {
            out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
            out.extend_from_slice(&tensor.bytes);
        }
        out
    }

    fn put_directory(&self, out: &mut Vec<u8>) {
        let mut offset = 0;
        for tensor in &self.tensors {
            put_string(out, &tensor.name);
            put_u32(out, tensor.shape.len() as u32);
            for length in tensor.shape.iter().rev() {
                put_len(out, *length);
            }
            put_u32(out, tensor.dtype.gguf_id());
            put_len(out, offset);
            offset = (offset + tensor.bytes.len()).next_multiple_of(ALIGNMENT);
        }
    }
}

fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_len(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&(length as u64).to_le_bytes());
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    put_len(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn value_type(value: &MetadataValue) -> u32 {
    match value {
        MetadataValue::U8(_) => 0,
        MetadataValue::I8(_) => 1,
        MetadataValue::U16(_) => 2,
        MetadataValue::I16(_) => 3,
        MetadataValue::U32(_) => 4,
        MetadataValue::I32(_) => 5,
        MetadataValue::F32(_) => 6,
        MetadataValue::Bool(_) => 7,
        MetadataValue::String(_) => 8,
        MetadataValue::Array(_) => 9,
        MetadataValue::U64(_) => 10,
        MetadataValue::I64(_) => 11,
        MetadataValue::F64(_) => 12,
    }
}

fn put_value(out: &mut Vec<u8>, value: &MetadataValue) {
    match value {
        MetadataValue::U8(value) => out.push(*value),
        MetadataValue::I8(value) => out.extend_from_slice(&value.to_le_bytes()),
        MetadataValue::U16(value) => out.extend_from_slice(&value.to_le_bytes()),
        MetadataValue::I16(value) => out.extend_from_slice(&value.to_le_bytes()),
        MetadataValue::U32(value) => put_u32(out, *value),
        MetadataValue::I32(value) => out.extend_from_slice(&value.to_le_bytes()),
        MetadataValue::F32(value) => out.extend_from_slice(&value.to_le_bytes()),
        MetadataValue::Bool(value) => out.push(u8::from(*value)),
        MetadataValue::String(value) => put_string(out, value),
        MetadataValue::Array(values) => put_array(out, values),
        MetadataValue::U64(value) => out.extend_from_slice(&value.to_le_bytes()),
        MetadataValue::I64(value) => out.extend_from_slice(&value.to_le_bytes()),
        MetadataValue::F64(value) => out.extend_from_slice(&value.to_le_bytes()),
    }
}

fn put_array(out: &mut Vec<u8>, array: &MetadataArray) {
    match array {
        MetadataArray::U8(values) => put_numbers(out, 0, values, u8::to_le_bytes),
        MetadataArray::I8(values) => put_numbers(out, 1, values, i8::to_le_bytes),
        MetadataArray::U16(values) => put_numbers(out, 2, values, u16::to_le_bytes),
        MetadataArray::I16(values) => put_numbers(out, 3, values, i16::to_le_bytes),
        MetadataArray::U32(values) => put_numbers(out, 4, values, u32::to_le_bytes),
        MetadataArray::I32(values) => put_numbers(out, 5, values, i32::to_le_bytes),
        MetadataArray::F32(values) => put_numbers(out, 6, values, f32::to_le_bytes),
        MetadataArray::Bool(values) => put_numbers(out, 7, values, |value| [u8::from(value)]),
        MetadataArray::String(values) => put_all(out, 8, values, |out, text| put_string(out, text)),
        MetadataArray::Array(values) => put_all(out, 9, values, put_array),
        MetadataArray::U64(values) => put_numbers(out, 10, values, u64::to_le_bytes),
        MetadataArray::I64(values) => put_numbers(out, 11, values, i64::to_le_bytes),
        MetadataArray::F64(values) => put_numbers(out, 12, values, f64::to_le_bytes),
    }
}

fn put_numbers<const N: usize, T: Copy>(
    out: &mut Vec<u8>,
    type_id: u32,
    values: &[T],
    to_bytes: impl Fn(T) -> [u8; N],
) {
    put_all(out, type_id, values, |out, value| {
        out.extend_from_slice(&to_bytes(*value));
    });
}

fn put_all<T>(out: &mut Vec<u8>, type_id: u32, values: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    put_u32(out, type_id);
    put_len(out, values.len());
    for value in values {
        put(out, value);
    }
}
