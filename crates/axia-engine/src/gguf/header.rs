//! Parses the part of a GGUF file before the tensor data.

use super::metadata::{Metadata, MetadataArray, MetadataValue};
use super::{DType, GgufError, GgufFormatError};
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::path::Path;

/// Longest metadata key the format allows, in bytes.
const LONGEST_KEY: u64 = 65_535;
/// Longest tensor name accepted, in bytes; the format says 64, some writers go beyond.
const LONGEST_NAME: u64 = 4_096;
/// Most dimensions a tensor may have.
const MOST_DIMENSIONS: u32 = 4;
/// Where the data begins, and each tensor in it, when the file does not say otherwise.
const DEFAULT_ALIGNMENT: u64 = 32;
/// Arrays of arrays deeper than this are not real.
const DEEPEST_ARRAY: usize = 4;

/// Fewest bytes a metadata entry takes: an empty key, a type, one byte.
const LEAST_ENTRY: u64 = 8 + 4 + 1;
/// Fewest bytes a tensor takes in the directory: an empty name, one dimension, a type, an offset.
const LEAST_TENSOR: u64 = 8 + 4 + 8 + 4 + 8;

/// Where a tensor lies and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// The name in the file, such as `blk.0.attn_q.weight`.
    pub name: String,
    /// The shape, rows first (the file itself lists the fastest dimension first).
    pub shape: Vec<usize>,
    /// How the values are stored.
    pub dtype: DType,
    /// Where the values lie, in bytes from the start of the file; inside the file.
    pub range: Range<usize>,
}

/// Everything in a GGUF file but the tensor data.
#[derive(Clone, Debug)]
pub struct GgufHeader {
    /// The version of the format (2 or 3).
    pub version: u32,
    /// The metadata.
    pub metadata: Metadata,
    /// The tensors, in file order.
    pub tensors: Vec<TensorInfo>,
}

impl GgufHeader {
    /// Parses the whole of a GGUF file; `path` is only used in messages.
    ///
    /// Every count, length, offset and size is checked against the file before anything of that size is
    /// allocated or read.
    ///
    /// # Errors
    /// [`GgufError::Format`] with the byte at which the file stops making sense.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, GgufError> {
        let mut cursor = Cursor::new(bytes);
        parse_header(&mut cursor, bytes.len(), path).map_err(|problem| GgufError::Format {
            path: path.to_owned(),
            offset: cursor.position(),
            problem,
        })
    }
}

fn parse_header(
    cursor: &mut Cursor<'_>,
    file_bytes: usize,
    path: &Path,
) -> Result<GgufHeader, GgufFormatError> {
    let version = parse_version(cursor)?;
    let tensor_count = cursor.count(LEAST_TENSOR, "the tensor count")?;
    let entry_count = cursor.count(LEAST_ENTRY, "the metadata count")?;
    let entries = parse_entries(cursor, entry_count)?;
    let alignment = alignment(&entries)?;
    let tensors = parse_directory(cursor, tensor_count)?;
    let data_start = (cursor.position() as u64).next_multiple_of(alignment);
    let tensors = tensors
        .into_iter()
        .map(|tensor| tensor.place(data_start, alignment, file_bytes))
        .collect::<Result<_, _>>()?;
    Ok(GgufHeader { version, metadata: Metadata::new(path, entries), tensors })
}

fn parse_version(cursor: &mut Cursor<'_>) -> Result<u32, GgufFormatError> {
    if cursor.array("the magic number") != Ok(*b"GGUF") {
        return Err(GgufFormatError::Magic);
    }
    match cursor.u32("the version")? {
        version @ (2 | 3) => Ok(version),
        version if matches!(version.swap_bytes(), 1..=3) => Err(GgufFormatError::BigEndian),
        version => Err(GgufFormatError::Version(version)),
    }
}

fn parse_entries(
    cursor: &mut Cursor<'_>,
    count: usize,
) -> Result<BTreeMap<String, MetadataValue>, GgufFormatError> {
    let mut entries = BTreeMap::new();
    for _ in 0..count {
        let key = cursor.name(LONGEST_KEY, "a metadata key")?;
        let type_id = cursor.u32("a metadata type")?;
        let value = parse_value(cursor, type_id, key)?;
        if entries.insert(key.to_owned(), value).is_some() {
            return Err(GgufFormatError::Duplicate { what: "metadata", name: key.to_owned() });
        }
    }
    Ok(entries)
}

fn parse_value(
    cursor: &mut Cursor<'_>,
    type_id: u32,
    key: &str,
) -> Result<MetadataValue, GgufFormatError> {
    const WHAT: &str = "a metadata value";
    Ok(match type_id {
        0 => MetadataValue::U8(u8::from_le_bytes(cursor.array(WHAT)?)),
        1 => MetadataValue::I8(i8::from_le_bytes(cursor.array(WHAT)?)),
        2 => MetadataValue::U16(u16::from_le_bytes(cursor.array(WHAT)?)),
        3 => MetadataValue::I16(i16::from_le_bytes(cursor.array(WHAT)?)),
        4 => MetadataValue::U32(u32::from_le_bytes(cursor.array(WHAT)?)),
        5 => MetadataValue::I32(i32::from_le_bytes(cursor.array(WHAT)?)),
        6 => MetadataValue::F32(f32::from_le_bytes(cursor.array(WHAT)?)),
        7 => MetadataValue::Bool(u8::from_le_bytes(cursor.array(WHAT)?) != 0),
        8 => MetadataValue::String(cursor.string(WHAT)?.to_owned()),
        9 => MetadataValue::Array(parse_array(cursor, key, DEEPEST_ARRAY)?),
        10 => MetadataValue::U64(u64::from_le_bytes(cursor.array(WHAT)?)),
        11 => MetadataValue::I64(i64::from_le_bytes(cursor.array(WHAT)?)),
        12 => MetadataValue::F64(f64::from_le_bytes(cursor.array(WHAT)?)),
        id => {
            return Err(GgufFormatError::ValueType { key: key.to_owned(), id });
        }
    })
}

fn parse_array(
    cursor: &mut Cursor<'_>,
    key: &str,
    depth_left: usize,
) -> Result<MetadataArray, GgufFormatError> {
    let type_id = cursor.u32("an array type")?;
    Ok(match type_id {
        0 => MetadataArray::U8(numbers(cursor, u8::from_le_bytes)?),
        1 => MetadataArray::I8(numbers(cursor, i8::from_le_bytes)?),
        2 => MetadataArray::U16(numbers(cursor, u16::from_le_bytes)?),
        3 => MetadataArray::I16(numbers(cursor, i16::from_le_bytes)?),
        4 => MetadataArray::U32(numbers(cursor, u32::from_le_bytes)?),
        5 => MetadataArray::I32(numbers(cursor, i32::from_le_bytes)?),
        6 => MetadataArray::F32(numbers(cursor, f32::from_le_bytes)?),
        7 => MetadataArray::Bool(numbers(cursor, |[byte]: [u8; 1]| byte != 0)?),
        8 => MetadataArray::String(strings(cursor)?),
        9 => MetadataArray::Array(arrays(cursor, key, depth_left)?),
        10 => MetadataArray::U64(numbers(cursor, u64::from_le_bytes)?),
        11 => MetadataArray::I64(numbers(cursor, i64::from_le_bytes)?),
        12 => MetadataArray::F64(numbers(cursor, f64::from_le_bytes)?),
        id => {
            return Err(GgufFormatError::ValueType { key: key.to_owned(), id });
        }
    })
}

fn numbers<const N: usize, T>(
    cursor: &mut Cursor<'_>,
    convert: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>, GgufFormatError> {
    let count = cursor.count(N as u64, "an array length")?;
    let bytes = cursor.take((count * N) as u64, "an array")?;
    let (chunks, _) = bytes.as_chunks::<N>();
    Ok(chunks.iter().map(|chunk| convert(*chunk)).collect())
}

fn strings(cursor: &mut Cursor<'_>) -> Result<Vec<String>, GgufFormatError> {
    let count = cursor.count(8, "an array length")?;
    (0..count).map(|_| cursor.string("a text in an array").map(str::to_owned)).collect()
}

fn arrays(
    cursor: &mut Cursor<'_>,
    key: &str,
    depth_left: usize,
) -> Result<Vec<MetadataArray>, GgufFormatError> {
    let Some(depth_left) = depth_left.checked_sub(1) else {
        return Err(GgufFormatError::TooLarge {
            what: "the depth of an array",
            found: DEEPEST_ARRAY as u64 + 1,
            limit: DEEPEST_ARRAY as u64,
        });
    };
    let count = cursor.count(4 + 8, "an array length")?;
    (0..count).map(|_| parse_array(cursor, key, depth_left)).collect()
}

fn alignment(entries: &BTreeMap<String, MetadataValue>) -> Result<u64, GgufFormatError> {
    let alignment = match entries.get("general.alignment") {
        None => DEFAULT_ALIGNMENT,
        Some(MetadataValue::U32(value)) => u64::from(*value),
        Some(MetadataValue::U64(value)) => *value,
        Some(_) => 0,
    };
    if alignment.is_power_of_two() && alignment <= 65_536 {
        Ok(alignment)
    } else {
        Err(GgufFormatError::Alignment(alignment))
    }
}

/// A tensor as the directory lists it, before its place is known.
struct DirectoryEntry {
    name: String,
    /// Rows first.
    shape: Vec<u64>,
    dtype: DType,
    offset: u64,
}

fn parse_directory(
    cursor: &mut Cursor<'_>,
    count: usize,
) -> Result<Vec<DirectoryEntry>, GgufFormatError> {
    let mut names = HashSet::with_capacity(count);
    let mut directory = Vec::with_capacity(count);
    for _ in 0..count {
        let entry = parse_directory_entry(cursor)?;
        if !names.insert(entry.name.clone()) {
            return Err(GgufFormatError::Duplicate { what: "tensor", name: entry.name });
        }
        directory.push(entry);
    }
    Ok(directory)
}

fn parse_directory_entry(cursor: &mut Cursor<'_>) -> Result<DirectoryEntry, GgufFormatError> {
    let name = cursor.name(LONGEST_NAME, "a tensor name")?.to_owned();
    let dimensions = cursor.u32("a tensor's number of dimensions")?;
    if dimensions > MOST_DIMENSIONS {
        return Err(GgufFormatError::TooLarge {
            what: "a tensor's number of dimensions",
            found: dimensions.into(),
            limit: MOST_DIMENSIONS.into(),
        });
    }
    let mut shape =
        (0..dimensions).map(|_| cursor.u64("a tensor's shape")).collect::<Result<Vec<_>, _>>()?;
    shape.reverse();
    let type_id = cursor.u32("a tensor's type")?;
    let Some(dtype) = DType::from_gguf_id(type_id) else {
        return Err(GgufFormatError::TensorType { tensor: name, id: type_id });
    };
    Ok(DirectoryEntry { name, shape, dtype, offset: cursor.u64("a tensor's offset")? })
}

impl DirectoryEntry {
    /// Checks shape, offset and size against the file.
    fn place(
        self,
        data_start: u64,
        alignment: u64,
        file_bytes: usize,
    ) -> Result<TensorInfo, GgufFormatError> {
        let Some((shape, bytes)) = self.size() else {
            return Err(GgufFormatError::Shape {
                tensor: self.name,
                shape: self.shape,
                dtype: self.dtype,
            });
        };
        let range = data_start
            .checked_add(self.offset)
            .and_then(|start| usize::try_from(start).ok())
            .and_then(|start| Some(start..start.checked_add(bytes)?))
            .filter(|range| range.end <= file_bytes);
        let problem = match range {
            Some(range) if self.offset.is_multiple_of(alignment) => {
                return Ok(TensorInfo { name: self.name, shape, dtype: self.dtype, range });
            }
            Some(_) => "not aligned",
            None => "past the end of the file",
        };
        Err(GgufFormatError::Place { tensor: self.name, offset: self.offset, bytes, problem })
    }

    /// The shape in native numbers and the size in bytes; `None` if either makes no sense.
    fn size(&self) -> Option<(Vec<usize>, usize)> {
        let shape = self
            .shape
            .iter()
            .map(|&length| usize::try_from(length).ok().filter(|length| *length > 0))
            .collect::<Option<Vec<usize>>>()?;
        let columns = *shape.last()?;
        let rows = shape
            .iter()
            .rev()
            .skip(1)
            .try_fold(1_usize, |rows, length| rows.checked_mul(*length))?;
        let bytes = self.dtype.bytes_for(columns)?.checked_mul(rows)?;
        // The count of values must fit too, since callers allocate by it.
        columns.checked_mul(rows)?;
        Some((shape, bytes))
    }
}

/// A position in bytes of unknown quality.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Bytes not read yet.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: u64, what: &'static str) -> Result<&'a [u8], GgufFormatError> {
        let taken = usize::try_from(count)
            .ok()
            .and_then(|count| self.position.checked_add(count))
            .and_then(|end| Some((end, self.bytes.get(self.position..end)?)));
        let Some((end, taken)) = taken else {
            return Err(GgufFormatError::Truncated { what, needed: count, left: self.left() });
        };
        self.position = end;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], GgufFormatError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64, what)?);
        Ok(array)
    }

    pub fn u32(&mut self, what: &'static str) -> Result<u32, GgufFormatError> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub fn u64(&mut self, what: &'static str) -> Result<u64, GgufFormatError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// A count of things that take at least `least_bytes` each: more of them than the rest of the file
    /// can hold is an error, so that a count may be trusted for allocation.
    pub fn count(
        &mut self,
        least_bytes: u64,
        what: &'static str,
    ) -> Result<usize, GgufFormatError> {
        let count = self.u64(what)?;
        let needed = count.saturating_mul(least_bytes);
        match usize::try_from(count) {
            Ok(count) if needed <= self.left() as u64 => Ok(count),
            _ => Err(GgufFormatError::Truncated { what, needed, left: self.left() }),
        }
    }

    /// A string: its length in bytes as 64 bits, then UTF-8.
    pub fn string(&mut self, what: &'static str) -> Result<&'a str, GgufFormatError> {
        let length = self.u64(what)?;
        let bytes = self.take(length, what)?;
        std::str::from_utf8(bytes).map_err(|_| GgufFormatError::Utf8(what))
    }

    /// A string of at most `limit` bytes.
    pub fn name(&mut self, limit: u64, what: &'static str) -> Result<&'a str, GgufFormatError> {
        let name = self.string(what)?;
        let found = name.len() as u64;
        if found > limit {
            return Err(GgufFormatError::TooLarge { what, found, limit });
        }
        Ok(name)
    }
}
