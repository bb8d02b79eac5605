//! One reference model with its inputs and expected arrays.

use axia_engine::Model;
use axia_engine::adapter::Adapter as PeftAdapter;
use axia_engine::decoder::Decoder;
use axia_engine::kernels::CpuKernels;
use axia_engine::lora::Adapter;
use axia_engine::train::{
    Label, Optimizer, Order, Schedule, SoftLabel, Softmax, TrainRow, TrainSettings,
};
use axia_engine::weights::ModelFiles;
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};

/// Reference models of the architectures the engine covers.
pub const MODELS: [&str; 10] = [
    "llama",
    "llama_tied",
    "llama_rope3",
    "falcon3",
    "sharded_bf16",
    "mistral",
    "qwen2",
    "qwen3",
    "smollm3",
    "gemma3",
];
/// Largest relative error allowed in single precision against double precision.
pub const TOLERANCE: f64 = 1e-4;

pub struct Case {
    pub name: &'static str,
    pub decoder: Decoder<CpuKernels>,
    pub reference: serde_json::Value,
    arrays: Vec<u8>,
}

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

impl Case {
    pub fn open(name: &'static str) -> Self {
        let folder = fixtures().join("tiny").join(name);
        let files = ModelFiles::open(&folder.join("model")).unwrap();
        let config = files.config().unwrap();
        let tensors = files.tensors(&config).unwrap();
        let json = std::fs::read(folder.join("reference.json")).unwrap();
        Self {
            name,
            decoder: Decoder::load(CpuKernels::default(), config, &tensors).unwrap(),
            reference: serde_json::from_slice(&json).unwrap(),
            arrays: std::fs::read(folder.join("reference.safetensors")).unwrap(),
        }
    }

    pub fn adapter(&self, folder: &str) -> Adapter<CpuKernels> {
        let path = fixtures().join("tiny").join(self.name).join(folder);
        let peft = PeftAdapter::read(&path).unwrap();
        let names = (folder, self.name);
        Adapter::from_peft(self.decoder.kernels(), self.decoder.config(), &peft, names).unwrap()
    }

    pub fn array(&self, name: &str) -> Vec<f32> {
        array(&self.arrays, name)
    }

    pub fn ids(&self, pointer: &str) -> Vec<u32> {
        ids(self.reference.pointer(pointer).unwrap_or_else(|| panic!("{pointer}")))
    }

    pub fn number(&self, pointer: &str) -> f64 {
        self.reference.pointer(pointer).and_then(|v| v.as_f64()).unwrap()
    }
}

/// Rows with soft labels for one of the tiny models, and what must come of them.
pub struct Labels {
    pub rows: Vec<TrainRow>,
    /// `vocabulary` or `candidates`
    kind: &'static str,
    reference: serde_json::Value,
    arrays: Vec<u8>,
}

impl Labels {
    pub fn open(name: &str, softmax: Softmax) -> Self {
        let folder = fixtures().join("tiny").join(name);
        let json = std::fs::read(folder.join("labels.json")).unwrap();
        let reference: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let row = |row: &serde_json::Value| {
            let candidates = row["candidates"].as_array().unwrap().iter().map(ids).collect();
            let weights = row["weights"].as_array().unwrap();
            let weights = weights.iter().map(|w| w.as_f64().unwrap()).collect();
            let label = Label::Soft(SoftLabel { candidates, weights, softmax });
            TrainRow { prompt: ids(&row["prompt"]), label, group: 0 }
        };
        Self {
            rows: reference["rows"].as_array().unwrap().iter().map(row).collect(),
            kind: match softmax {
                Softmax::Vocabulary => "vocabulary",
                Softmax::Candidates => "candidates",
            },
            arrays: std::fs::read(folder.join("labels.safetensors")).unwrap(),
            reference,
        }
    }

    /// The three optimiser steps of the reference.
    pub fn settings(&self) -> TrainSettings {
        TrainSettings {
            batch_rows: self.rows.len(),
            epochs: 3,
            optimizer: Optimizer { lr: 1e-2, eps: 1e-4, ..Optimizer::default() },
            schedule: Schedule::Constant,
            warmup: 0.0,
            order: Order::File,
            ..TrainSettings::default()
        }
    }

    pub fn number(&self, pointer: &str) -> f64 {
        let pointer = format!("/{}/{pointer}", self.kind);
        self.reference.pointer(&pointer).and_then(|v| v.as_f64()).unwrap()
    }

    pub fn array(&self, name: &str) -> Vec<f32> {
        array(&self.arrays, &format!("{}.{name}", self.kind))
    }
}

fn array(file: &[u8], name: &str) -> Vec<f32> {
    let file = SafeTensors::deserialize(file).unwrap();
    let tensor = file.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
    tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

pub fn ids(value: &serde_json::Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect()
}

/// Asserts that `found` is `expected` up to [`TOLERANCE`] times the largest expected number.
pub fn assert_close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths");
    let scale = expected.iter().fold(0f64, |m, v| m.max(f64::from(v.abs())));
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        let gap = f64::from((a - b).abs());
        assert!(gap <= TOLERANCE * scale, "{what}[{i}]: {a} against {b} (largest {scale})");
    }
}

pub fn assert_near(what: &str, found: f64, expected: f64) {
    let gap = (found - expected).abs();
    assert!(gap <= TOLERANCE * expected.abs().max(1e-3), "{what}: {found} against {expected}");
}

/// The real models that the caller has, with the folders of their references: `AXIA_TEST_GGUF` names the
/// file of SmolLM2-135M-Instruct, `AXIA_TEST_GGUF_QWEN` that of Qwen2.5-Coder-1.5B-Instruct.
pub fn real_models() -> Vec<(Model, PathBuf)> {
    let known = [("AXIA_TEST_GGUF", "smollm2"), ("AXIA_TEST_GGUF_QWEN", "qwen2")];
    let open = |(variable, name): (&str, &str)| {
        let Some(path) = std::env::var_os(variable) else {
            eprintln!("skipped: {variable} does not name the real model");
            return None;
        };
        Some((Model::open(Path::new(&path)).unwrap(), fixtures().join(name)))
    };
    known.into_iter().filter_map(open).collect()
}
