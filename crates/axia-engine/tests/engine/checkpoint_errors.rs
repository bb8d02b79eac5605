//! Checkpoints that must not be gone on from.

use crate::damaged_weights::changed_model;
use crate::tiny::{StopAfter, completion_mut, data, fresh, model, settings};
use axia_engine::decoder::Decoder;
use axia_engine::error::EngineError;
use axia_engine::kernels::CpuKernels;
use axia_engine::lora::{Adapter, LayerRange, LoraSettings};
use axia_engine::train::{EarlyStopping, Order, TrainData, TrainSettings, train};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const HEADER: &str = "axia_training_state";

/// A run that was cancelled after two steps.
struct Cancelled {
    decoder: Decoder<CpuKernels>,
    path: PathBuf,
    _folder: TempDir,
}

impl Cancelled {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("run.checkpoint");
        let this = Self { decoder: model(), path, _folder: folder };
        let adapter = fresh(&this.decoder, 1);
        let end = this.resume_with(&this.decoder, adapter, &data(), &settings());
        assert!(matches!(end, EngineError::Cancelled));
        this
    }

    fn resume_with(
        &self,
        decoder: &Decoder<CpuKernels>,
        adapter: Adapter<CpuKernels>,
        data: &TrainData,
        settings: &TrainSettings,
    ) -> EngineError {
        let mut observer = StopAfter::new(2);
        train(decoder, adapter, data, settings, Some(&self.path), &mut observer).err().unwrap()
    }

    /// Asserts that the run is refused with a message that holds `part`, and the file kept.
    fn assert_refused(&self, what: &str, part: &str, error: impl FnOnce() -> EngineError) {
        let before = fs::read(&self.path).unwrap();
        let error = error();
        let named = matches!(&error, EngineError::TrainingState { path, .. } if *path == self.path);
        assert!(named, "{what}: {error}");
        let message = error.to_string();
        assert!(message.contains(part), "{what}: {message}");
        assert!(message.contains(&*self.path.to_string_lossy()), "{what}: {message}");
        assert!(fs::read(&self.path).unwrap() == before, "{what}: the file is kept");
    }

    /// Asserts that the file with `bytes` in it is refused.
    fn assert_damaged(&self, what: &str, part: &str, bytes: &[u8]) {
        fs::write(&self.path, bytes).unwrap();
        self.assert_refused(what, part, || {
            self.resume_with(&self.decoder, fresh(&self.decoder, 1), &data(), &settings())
        });
    }
}

#[test]
fn of_other_settings() {
    let run = Cancelled::new();
    let others = [
        ("batch", TrainSettings { batch_rows: 5, ..settings() }),
        ("epochs", TrainSettings { epochs: 4, ..settings() }),
        ("warm-up", TrainSettings { warmup: 0.2, ..settings() }),
        ("clip", TrainSettings { clip: Some(1.0), ..settings() }),
        ("order", TrainSettings { order: Order::File, ..settings() }),
        ("seed", TrainSettings { seed: 1, ..settings() }),
        (
            "early stopping",
            TrainSettings {
                early_stopping: Some(EarlyStopping { patience: 2, threshold: 0.0 }),
                ..settings()
            },
        ),
    ];
    for (what, other) in others {
        run.assert_refused(what, "belongs to a run with another", || {
            run.resume_with(&run.decoder, fresh(&run.decoder, 1), &data(), &other)
        });
    }
}

#[test]
fn of_other_data() {
    let run = Cancelled::new();
    let changed = |change: fn(&mut TrainData)| {
        let mut data = data();
        change(&mut data);
        data
    };
    let others = [
        ("a token", changed(|d| d.train[3].prompt[1] += 1)),
        (
            "a border",
            changed(|d| {
                let token = d.train[3].prompt.pop().unwrap();
                completion_mut(&mut d.train[3]).insert(0, token);
            }),
        ),
        ("a group", changed(|d| d.train[3].group += 1)),
        ("the order", changed(|d| d.train.swap(0, 5))),
        ("a row less", changed(|d| drop(d.train.pop()))),
        ("a validation row", changed(|d| completion_mut(&mut d.validation[0])[0] += 1)),
        (
            "a row moved to validation",
            changed(|d| {
                let row = d.train.pop().unwrap();
                d.validation.insert(0, row);
            }),
        ),
    ];
    for (what, other) in others {
        run.assert_refused(what, "belongs to a run with another", || {
            run.resume_with(&run.decoder, fresh(&run.decoder, 1), &other, &settings())
        });
    }
}

#[test]
fn of_another_adapter_or_model() {
    let run = Cancelled::new();
    let first =
        |lora: LoraSettings| Adapter::fresh(run.decoder.kernels(), run.decoder.config(), &lora, 1);
    let lora = LoraSettings { rank: 4, alpha: 8.0, ..LoraSettings::default() };
    let others = [
        ("first weights", fresh(&run.decoder, 2)),
        ("scale", first(LoraSettings { alpha: 9.0, ..lora.clone() })),
        ("rank", first(LoraSettings { rank: 5, alpha: 10.0, ..lora.clone() })),
        ("modules", first(LoraSettings { modules: lora.modules[1..].to_vec(), ..lora.clone() })),
        ("layers", first(LoraSettings { layers: LayerRange::new(1, 1), ..lora })),
    ];
    for (what, other) in others {
        run.assert_refused(what, "belongs to a run with another", || {
            run.resume_with(&run.decoder, other, &data(), &settings())
        });
    }
    let (_folder, other) = changed_model("model.layers.1.self_attn.v_proj.weight", 0, 0.25);
    run.assert_refused("model", "belongs to a run with another model", || {
        let other = other.unwrap();
        run.resume_with(&other, fresh(&run.decoder, 1), &data(), &settings())
    });
}

#[test]
fn damaged() {
    let run = Cancelled::new();
    let whole = fs::read(&run.path).unwrap();
    for len in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        run.assert_damaged(&format!("cut at {len}"), "is damaged", &whole[..len]);
    }
    run.assert_damaged("text", "is damaged", b"this is no checkpoint at all");
    run.assert_damaged("noise", "is damaged", &[255; 5000]);
    let longer = [&whole[..], b"x"].concat();
    run.assert_damaged("one byte too many", "is damaged", &longer);
}

#[test]
fn of_something_else() {
    let run = Cancelled::new();
    let tensor = TensorView::new(Dtype::F32, vec![1], &[0; 4]).unwrap();
    let other = safetensors::serialize([("w", tensor)], None).unwrap();
    run.assert_damaged("another file", "is no training state", &other);
}

/// The checkpoint with its header and tensors changed.
fn rewritten(
    bytes: &[u8],
    header: impl FnOnce(String) -> String,
    tensor: impl Fn(&str, TensorView<'_>) -> Option<(Dtype, Vec<u8>)>,
) -> Vec<u8> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).unwrap();
    let old = metadata.metadata().as_ref().unwrap()[HEADER].clone();
    let file = SafeTensors::deserialize(bytes).unwrap();
    let tensors: Vec<(String, Dtype, Vec<u8>)> = file
        .tensors()
        .into_iter()
        .filter_map(|(name, view)| {
            let (dtype, data) = tensor(&name, view)?;
            Some((name, dtype, data))
        })
        .collect();
    let views = tensors.iter().map(|(name, dtype, data)| {
        let len = data.len() / 4;
        (name, TensorView::new(*dtype, vec![len], data).unwrap())
    });
    let metadata = HashMap::from([(HEADER.to_owned(), header(old))]);
    safetensors::serialize(views, Some(metadata)).unwrap()
}

fn kept(_: &str, view: TensorView<'_>) -> Option<(Dtype, Vec<u8>)> {
    Some((view.dtype(), view.data().to_vec()))
}

#[test]
fn with_wrong_tensors() {
    let run = Cancelled::new();
    let whole = fs::read(&run.path).unwrap();
    let same = |header: String| header;
    for name in ["weight.0.a", "moment1.20.b", "moment2.3.a"] {
        let missing =
            rewritten(&whole, same, |n, view| if n == name { None } else { kept(n, view) });
        run.assert_damaged(&format!("no {name}"), name, &missing);
        let short = rewritten(&whole, same, |n, view| {
            let (dtype, mut data) = kept(n, view)?;
            data.truncate(data.len() - if n == name { 4 } else { 0 });
            Some((dtype, data))
        });
        run.assert_damaged(&format!("a short {name}"), name, &short);
        let whole_numbers = rewritten(&whole, same, |n, view| {
            let (dtype, data) = kept(n, view)?;
            Some((if n == name { Dtype::I32 } else { dtype }, data))
        });
        run.assert_damaged(&format!("{name} of another type"), name, &whole_numbers);
    }
    // The header speaks of a best adapter, which two steps in there is none of.
    let best = |header: String| header.replace(r#""best_loss":null"#, r#""best_loss":1.5"#);
    run.assert_damaged("no best adapter", "best.0.a", &rewritten(&whole, best, kept));
}

#[test]
fn with_a_header_of_another_version() {
    let run = Cancelled::new();
    let whole = fs::read(&run.path).unwrap();
    let newer = |_: String| r#"{"format_version":2,"something":"new"}"#.to_owned();
    let part = "has format version 2, but this program writes 1";
    run.assert_damaged("a newer version", part, &rewritten(&whole, newer, kept));
    let broken = |header: String| header[..header.len() / 2].to_owned();
    run.assert_damaged("half a header", "is damaged", &rewritten(&whole, broken, kept));
    let untouched = rewritten(&whole, |header| header, kept);
    fs::write(&run.path, untouched).unwrap();
    let end = run.resume_with(&run.decoder, fresh(&run.decoder, 1), &data(), &settings());
    assert!(matches!(end, EngineError::Cancelled), "rewriting alone does no harm: {end}");
}
