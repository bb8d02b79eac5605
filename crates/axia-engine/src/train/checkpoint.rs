//! Checkpoints: a run's state as one safetensors file, replaced atomically.

use super::record::{Best, State};
use super::record::{History, StopReason};
use super::settings::TrainSettings;
use super::{TrainData, TrainRow};
use crate::decoder::Decoder;
use crate::error::EngineError;
use crate::file_error::FileError;
use crate::kernels::Kernels;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

const FORMAT_VERSION: u32 = 1;
/// Key of the metadata entry that holds the [`Header`].
const HEADER: &str = "axia_training_state";

#[derive(Serialize, Deserialize)]
struct Header {
    format_version: u32,
    /// What the run was made of; another run must not go on from here.
    fingerprint: String,
    step: usize,
    best_loss: Option<f64>,
    stale: usize,
    stopped: Option<StopReason>,
    history: History,
}

/// The part of [`Header`] that every version has.
#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

/// A digest of everything that decides how a run goes: model, settings, data and first weights.
pub(super) fn fingerprint<K: Kernels>(
    decoder: &Decoder<K>,
    settings: &TrainSettings,
    data: &TrainData,
    first: &State<K>,
) -> String {
    let mut digest = Sha256::new();
    digest.update(format!("{:?}", decoder.config()));
    digest.update(bytemuck::cast_slice::<f32, u8>(&decoder.sample()));
    digest.update(serde_json::to_vec(settings).unwrap_or_default());
    let mut row = |row: &TrainRow| {
        digest.update((row.prompt.len() as u64).to_le_bytes());
        digest.update(bytemuck::cast_slice::<u32, u8>(&row.prompt));
        digest.update(format!("{:?}", row.label));
        digest.update(row.group.to_le_bytes());
    };
    data.train.iter().for_each(&mut row);
    data.validation.iter().for_each(&mut row);
    for text in &data.texts {
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(bytemuck::cast_slice::<u32, u8>(text));
    }
    // The same rows may be divided otherwise between training and validation.
    digest.update((data.train.len() as u64).to_le_bytes());
    let places = first.adapter.places().iter().zip(first.adapter.pairs());
    for ((place, pair), [a, b]) in places.zip(first.snapshot(decoder.kernels())) {
        digest.update(place.1.name(place.0));
        digest.update((pair.rank as u64).to_le_bytes());
        digest.update(pair.scale.to_le_bytes());
        digest.update(bytemuck::cast_slice::<f32, u8>(&a));
        digest.update(bytemuck::cast_slice::<f32, u8>(&b));
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes the state beside `path` and renames it into place once it is on the disk.
pub(super) fn save<K: Kernels>(
    path: &Path,
    kernels: &K,
    fingerprint: &str,
    state: &State<K>,
) -> Result<(), EngineError> {
    let header = Header {
        format_version: FORMAT_VERSION,
        fingerprint: fingerprint.to_owned(),
        step: state.step,
        best_loss: state.best.as_ref().map(|b| b.loss),
        stale: state.stale,
        stopped: state.stopped,
        history: state.history.clone(),
    };
    let failed = |action| FileError::on(action, path);
    let invalid = |e: String| failed("write")(std::io::Error::other(e));
    let header = serde_json::to_string(&header).map_err(|e| invalid(e.to_string()))?;
    let tensors = tensors(kernels, state);
    let views = tensors.iter().map(|(name, data)| {
        let bytes = bytemuck::cast_slice(data);
        let view = TensorView::new(Dtype::F32, vec![data.len()], bytes);
        view.map(|view| (name.as_str(), view)).map_err(|e| invalid(e.to_string()))
    });
    let views: Vec<_> = views.collect::<Result<_, _>>()?;
    let metadata = HashMap::from([(HEADER.to_owned(), header)]);
    let bytes =
        safetensors::serialize(views, Some(metadata)).map_err(|e| invalid(e.to_string()))?;
    write_atomically(path, &bytes)?;
    Ok(())
}

fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Always the same name: what a killed run left half written is written over, not added to.
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let partial = tempfile::TempPath::try_from_path(partial)?;
        let mut file = std::fs::File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        partial.persist(path)?;
        Ok(())
    };
    write().map_err(FileError::on("write the checkpoint", path))
}

fn tensors<K: Kernels>(kernels: &K, state: &State<K>) -> Vec<(String, Vec<f32>)> {
    let downloads = |pairs: &[[K::Buffer; 2]]| -> Vec<[Vec<f32>; 2]> {
        pairs.iter().map(|[a, b]| [kernels.download(a), kernels.download(b)]).collect()
    };
    let [first, second] = &state.moments;
    let mut sets = vec![
        ("weight", state.snapshot(kernels)),
        ("moment1", downloads(&first.pairs)),
        ("moment2", downloads(&second.pairs)),
    ];
    if let Some(best) = &state.best {
        sets.push(("best", best.pairs.clone()));
    }
    let mut tensors = Vec::new();
    for (set, pairs) in sets {
        for (i, [a, b]) in pairs.into_iter().enumerate() {
            tensors.push((format!("{set}.{i}.a"), a));
            tensors.push((format!("{set}.{i}.b"), b));
        }
    }
    tensors
}

/// Brings `state`, which is fresh, to where the checkpoint at `path` was. `false` when there is
/// none.
pub(super) fn load<K: Kernels>(
    path: &Path,
    kernels: &K,
    fingerprint: &str,
    state: &mut State<K>,
) -> Result<bool, EngineError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(FileError::on("read the checkpoint", path)(e).into()),
    };
    let wrong = |problem: String| EngineError::TrainingState { path: path.to_owned(), problem };
    let header = read_header(&bytes).map_err(&wrong)?;
    if header.fingerprint != fingerprint {
        return Err(wrong(
            "belongs to a run with another model, other settings, data or first weights".to_owned(),
        ));
    }
    let file = SafeTensors::deserialize(&bytes).map_err(|e| wrong(format!("is damaged: {e}")))?;
    let sizes: Vec<[usize; 2]> = state.adapter.sizes().collect();
    let set = |name: &str| read_set(&file, name, &sizes).map_err(&wrong);
    let weights = set("weight")?;
    state.restore(kernels, &weights);
    for (moments, name) in state.moments.iter_mut().zip(["moment1", "moment2"]) {
        for (buffers, pair) in moments.pairs.iter_mut().zip(set(name)?) {
            *buffers = pair.map(|data| kernels.upload(&data));
        }
    }
    state.best = match header.best_loss {
        Some(loss) => Some(Best { loss, pairs: set("best")? }),
        None => None,
    };
    state.step = header.step;
    state.stale = header.stale;
    state.stopped = header.stopped;
    state.history = header.history;
    Ok(true)
}

fn read_header(bytes: &[u8]) -> Result<Header, String> {
    let damaged = |e: String| format!("is damaged: {e}");
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| damaged(e.to_string()))?;
    let entry = metadata.metadata().as_ref().and_then(|m| m.get(HEADER));
    let entry = entry.ok_or("is no training state of this program")?;
    let parse = |e: serde_json::Error| damaged(e.to_string());
    let Version { format_version } = serde_json::from_str(entry).map_err(parse)?;
    if format_version != FORMAT_VERSION {
        return Err(format!(
            "has format version {format_version}, but this program writes {FORMAT_VERSION}"
        ));
    }
    serde_json::from_str(entry).map_err(parse)
}

fn read_set(
    file: &SafeTensors,
    set: &str,
    sizes: &[[usize; 2]],
) -> Result<Vec<[Vec<f32>; 2]>, String> {
    let read = |name: String, len: usize| -> Result<Vec<f32>, String> {
        let tensor = file.tensor(&name).map_err(|e| format!("is damaged: {e}"))?;
        if tensor.dtype() != Dtype::F32 || tensor.data().len() != len * 4 {
            return Err(format!("is damaged: tensor `{name}` has another size"));
        }
        Ok(tensor
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect())
    };
    let pairs = sizes.iter().enumerate();
    pairs
        .map(|(i, &[a, b])| {
            Ok([read(format!("{set}.{i}.a"), a)?, read(format!("{set}.{i}.b"), b)?])
        })
        .collect()
}
