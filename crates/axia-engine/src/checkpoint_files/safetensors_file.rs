//! One safetensors file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{CheckpointError, RawTensor, UnreadableTensor};
use crate::gguf::{DType, MappedFile};

/// Bytes of the header's length, at the start of the file.
const LENGTH_BYTES: usize = 8;

/// A safetensors file: its header parsed and checked, its data mapped and read only when used.
///
/// Parsed here rather than by the `safetensors` crate because that one's errors name no tensor.
#[derive(Debug)]
pub struct SafetensorsFile {
    map: Arc<MappedFile>,
    entries: BTreeMap<String, Entry>,
}

/// A tensor as the header describes it.
#[derive(Debug)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    /// In bytes from the start of the file; inside the file.
    range: Range<usize>,
}

impl SafetensorsFile {
    /// Maps the file and parses its header, checking every tensor's place and size.
    ///
    /// # Errors
    /// [`CheckpointError::File`] if it cannot be opened, [`CheckpointError::Safetensors`] if it is not
    /// sound.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let map = Arc::new(MappedFile::open(path)?);
        let entries = parse_header(map.bytes())
            .map_err(|problem| CheckpointError::Safetensors { path: path.to_owned(), problem })?;
        Ok(Self { map, entries })
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        self.map.path()
    }

    /// Whether there is a tensor with this name.
    pub fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// All tensors with their names, sorted; those stored as neither F32, F16 nor BF16 are errors.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, Result<RawTensor, UnreadableTensor>)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), self.tensor(name, entry)))
    }

    fn tensor(&self, name: &str, entry: &Entry) -> Result<RawTensor, UnreadableTensor> {
        let Some(dtype) = readable_type(&entry.dtype) else {
            return Err(UnreadableTensor {
                path: self.path().to_owned(),
                tensor: name.to_owned(),
                found: entry.dtype.clone(),
            });
        };
        Ok(RawTensor::new(
            name.to_owned(),
            entry.shape.clone(),
            dtype,
            Arc::clone(&self.map),
            entry.range.clone(),
        ))
    }
}

fn readable_type(name: &str) -> Option<DType> {
    match name {
        "F32" => Some(DType::F32),
        "F16" => Some(DType::F16),
        "BF16" => Some(DType::BF16),
        _ => None,
    }
}

fn parse_header(bytes: &[u8]) -> Result<BTreeMap<String, Entry>, String> {
    let (length, rest) =
        bytes.split_first_chunk::<LENGTH_BYTES>().ok_or("it is shorter than 8 bytes")?;
    let length = u64::from_le_bytes(*length);
    let header =
        usize::try_from(length).ok().and_then(|length| rest.get(..length)).ok_or_else(|| {
            format!(
                "its header should be {length} bytes long, but only {} follow; \
                 the download may be incomplete",
                rest.len()
            )
        })?;
    let data = LENGTH_BYTES + header.len()..bytes.len();
    let fields: Map<String, Value> = serde_json::from_slice(header)
        .map_err(|error| format!("its header is not a JSON object: {error}"))?;
    let entries: BTreeMap<String, Entry> = fields
        .into_iter()
        .filter(|(name, _)| name != "__metadata__")
        .map(|(name, value)| {
            let entry = parse_entry(&value, &data)
                .map_err(|problem| format!("tensor `{name}` {problem}"))?;
            Ok((name, entry))
        })
        .collect::<Result<_, String>>()?;
    check_layout(&entries, &data)?;
    Ok(entries)
}

/// Tensors lie one behind the other and fill the file, as the format asks: nothing is read twice, and
/// nothing hides between them.
fn check_layout(entries: &BTreeMap<String, Entry>, data: &Range<usize>) -> Result<(), String> {
    let mut in_order: Vec<(&String, &Range<usize>)> =
        entries.iter().map(|(name, entry)| (name, &entry.range)).collect();
    in_order.sort_by_key(|(_, range)| (range.start, range.end));
    let mut end = data.start;
    for (name, range) in in_order {
        if range.start != end {
            let (start, expected) = (range.start - data.start, end - data.start);
            return Err(format!(
                "tensor `{name}` begins at byte {start} of the data, but what is before it ends at \
                 {expected}"
            ));
        }
        end = range.end;
    }
    if end != data.end {
        return Err(format!("{} bytes follow its last tensor", data.end - end));
    }
    Ok(())
}

fn parse_entry(value: &Value, data: &Range<usize>) -> Result<Entry, String> {
    let dtype = value.get("dtype").and_then(Value::as_str).ok_or("has no `dtype`")?;
    let shape = whole_numbers(value, "shape")?;
    let offsets = whole_numbers(value, "data_offsets")?;
    let &[start, end] = offsets.as_slice() else {
        return Err("has `data_offsets` that are not a start and an end".to_owned());
    };
    let range = (start <= end)
        .then(|| Some(data.start.checked_add(start)?..data.start.checked_add(end)?))
        .flatten()
        .filter(|range| range.end <= data.end)
        .ok_or_else(|| {
            format!(
                "should lie at bytes {start} to {end} of the data, but there are {}; \
                 the download may be incomplete",
                data.len()
            )
        })?;
    check_size(dtype, &shape, range.len())?;
    Ok(Entry { dtype: dtype.to_owned(), shape, range })
}

/// Types that cannot be read are not checked: their size is of no use.
fn check_size(dtype: &str, shape: &[usize], bytes: usize) -> Result<(), String> {
    let Some(readable) = readable_type(dtype) else {
        return Ok(());
    };
    // Empty dimensions count as one here, so that no product of some dimensions overflows either.
    let bounded =
        shape.iter().try_fold(1_usize, |values, length| values.checked_mul((*length).max(1)));
    let needed = bounded.and_then(|_| readable.bytes_for(shape.iter().product()));
    if needed == Some(bytes) {
        Ok(())
    } else {
        Err(format!(
            "has shape {shape:?} of {dtype}, which does not take the {bytes} bytes it is given"
        ))
    }
}

fn whole_numbers(value: &Value, field: &str) -> Result<Vec<usize>, String> {
    value
        .get(field)
        .and_then(Value::as_array)
        .and_then(|numbers| {
            numbers
                .iter()
                .map(|number| number.as_u64().and_then(|number| number.try_into().ok()))
                .collect()
        })
        .ok_or_else(|| format!("has no `{field}` of whole numbers"))
}
