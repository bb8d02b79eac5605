//! Files of weights: which tensors go into which, and their layout (safetensors).

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::stored_tensor::StoredTensor;

/// The data begin at a multiple of this many bytes.
const ALIGNMENT: usize = 8;

/// A file of weights.
#[derive(Debug)]
pub(super) struct Shard {
    pub file: String,
    pub tensors: Vec<StoredTensor>,
}

/// Divides tensors, kept in order, over files of at most `most` bytes of data each; one tensor alone may
/// be larger. Wide types go first in each file, so that every value is aligned.
pub(super) fn divide(tensors: Vec<StoredTensor>, most: u64) -> Vec<Shard> {
    let mut groups: Vec<Vec<StoredTensor>> = Vec::new();
    let mut room = 0;
    for tensor in tensors {
        let bytes = tensor.bytes();
        match groups.last_mut() {
            Some(group) if bytes <= room => {
                room -= bytes;
                group.push(tensor);
            }
            _ => {
                room = most.saturating_sub(bytes);
                groups.push(vec![tensor]);
            }
        }
    }
    let count = groups.len();
    let named = groups.into_iter().enumerate().map(|(index, mut tensors)| {
        tensors.sort_by_key(|tensor| std::cmp::Reverse(tensor.dtype.bytes()));
        let file = match count {
            1 => "model.safetensors".to_owned(),
            _ => format!("model-{:05}-of-{count:05}.safetensors", index + 1),
        };
        Shard { file, tensors }
    });
    named.collect()
}

/// The contents of `model.safetensors.index.json`.
pub(super) fn index(shards: &[Shard]) -> Value {
    let total: u64 = shards.iter().flat_map(|shard| &shard.tensors).map(StoredTensor::bytes).sum();
    let files = shards.iter().flat_map(|shard| {
        shard.tensors.iter().map(|tensor| (tensor.tensor.name(), shard.file.as_str()))
    });
    let files: BTreeMap<&str, &str> = files.collect();
    json!({"metadata": {"total_size": total}, "weight_map": files})
}

impl Shard {
    /// Writes what goes before the data: the header and its length.
    pub fn write_header(&self, out: &mut impl Write) -> io::Result<()> {
        let mut header = Map::new();
        header.insert("__metadata__".to_owned(), json!({"format": "pt"}));
        let mut start = 0;
        for tensor in &self.tensors {
            let end = start + tensor.bytes();
            let entry = json!({
                "dtype": tensor.dtype.safetensors_name(),
                "shape": tensor.tensor.shape(),
                "data_offsets": [start, end],
            });
            header.insert(tensor.tensor.name().to_owned(), entry);
            start = end;
        }
        let mut text = Value::Object(header).to_string();
        let padded = text.len().next_multiple_of(ALIGNMENT);
        text.extend(std::iter::repeat_n(' ', padded - text.len()));
        out.write_all(&(text.len() as u64).to_le_bytes())?;
        out.write_all(text.as_bytes())
    }
}
