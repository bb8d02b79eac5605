//! Soft labels: losses, gradients and optimiser steps.

use crate::case::{Case, Labels, MODELS, assert_close, assert_near, fixtures};
use axia_engine::adapter::Adapter as PeftAdapter;
use axia_engine::checkpoint_files::RawTensor;
use axia_engine::config::ModelConfig;
use axia_engine::decoder::Activations;
use axia_engine::gguf::GgufFile;
use axia_engine::lora::{Adapter, Gradients};
use axia_engine::train::{Batch, Label, Softmax, TrainData, TrainRow, train};
use axia_engine::weights::ModelFiles;
use std::fs;
use tempfile::TempDir;

const BOTH: [Softmax; 2] = [Softmax::Vocabulary, Softmax::Candidates];

fn references(rows: &[TrainRow]) -> Vec<&TrainRow> {
    rows.iter().collect()
}

#[test]
fn losses_and_gradients() {
    for (name, softmax) in MODELS.into_iter().flat_map(|name| BOTH.map(|s| (name, s))) {
        let case = Case::open(name);
        let (labels, adapter) = (Labels::open(name, softmax), case.adapter("adapter"));
        // One forest, and several that are added up.
        for max_tokens in [1000, 20] {
            let rows = references(&labels.rows);
            let batch = Batch::new(&rows, case.decoder.config(), max_tokens);
            assert_eq!(batch.supervised, rows.len(), "a row counts once");
            let factor = 1.0 / batch.supervised as f32;
            let mut gradients = Gradients::zeros(case.decoder.kernels(), &adapter);
            let mut memory = Activations::default();
            let found =
                batch.backward(&case.decoder, &adapter, factor, &mut memory, &mut gradients);
            let loss = found.unwrap().sum / batch.supervised as f64;
            assert_near(name, loss, labels.number("loss"));
            let alone = batch.loss(&case.decoder, Some(&adapter), &mut memory).unwrap();
            assert_near(name, alone.sum / batch.supervised as f64, labels.number("loss"));
            for (&(block, module), [da, db]) in adapter.places().iter().zip(gradients.arrays()) {
                let key = format!("grad/{}", module.name(block));
                assert_close(&key, da, &labels.array(&format!("{key}.lora_A")));
                assert_close(&key, db, &labels.array(&format!("{key}.lora_B")));
            }
        }
    }
}

#[test]
fn optimiser_steps() {
    for (name, softmax) in MODELS.into_iter().flat_map(|name| BOTH.map(|s| (name, s))) {
        let case = Case::open(name);
        let labels = Labels::open(name, softmax);
        let data = TrainData { train: labels.rows.clone(), ..TrainData::default() };
        let adapter = case.adapter("adapter");
        let settings = labels.settings();
        let trained = train(&case.decoder, adapter, &data, &settings, None, &mut ()).unwrap();
        for (i, record) in trained.history.steps.iter().enumerate() {
            assert_near(name, record.loss, labels.number(&format!("adamw/{i}")));
        }
        if !["llama", "qwen3"].contains(&name) {
            continue;
        }
        let places = trained.adapter.places().iter();
        for (&(block, module), pair) in places.zip(trained.adapter.pairs()) {
            let key = format!("adamw.step3/{}", module.name(block));
            assert_close(&key, &pair.a, &labels.array(&format!("{key}.lora_A")));
            assert_close(&key, &pair.b, &labels.array(&format!("{key}.lora_B")));
        }
    }
}

/// Labels over the candidates alone that are the model's own probabilities have no gradient, and one label costs no more tokens than its prompt and its candidates' beginnings.
#[test]
fn the_own_distribution_has_no_gradient() {
    let case = Case::open("llama");
    let adapter = case.adapter("adapter");
    let mut memory = Activations::default();
    let mut of_others = 0.0;
    for row in Labels::open("llama", Softmax::Candidates).rows {
        let mut norms = [0.0; 2];
        let own = own_distribution(&case, &adapter, &row);
        for (norm, row) in norms.iter_mut().zip([&row, &own]) {
            let batch = Batch::new(&[row], case.decoder.config(), 1000);
            let mut gradients = Gradients::zeros(case.decoder.kernels(), &adapter);
            let (decoder, kept) = (&case.decoder, &mut memory);
            let found = batch.backward(decoder, &adapter, 1.0, kept, &mut gradients).unwrap();
            *norm = gradients.norm(case.decoder.kernels());
            let beginnings: Vec<&[u32]> =
                row.continuations().iter().map(|ids| &ids[..ids.len() - 1]).collect();
            let most = row.prompt.len() + beginnings.concat().len();
            assert!(found.unique_tokens <= most, "{} of {most}", found.unique_tokens);
        }
        assert_eq!(norms[1], 0.0);
        of_others += norms[0];
    }
    assert!(of_others > 1.0, "{of_others}");
}

/// The row with the model's own distribution over the candidates as its label.
fn own_distribution(
    case: &Case,
    adapter: &Adapter<axia_engine::kernels::CpuKernels>,
    row: &TrainRow,
) -> TrainRow {
    use axia_engine::score::{ScoreRow, score};
    let asked = ScoreRow { prompt: row.prompt.clone(), candidates: row.continuations().to_vec() };
    let scores = score(&case.decoder, Some(adapter), &[asked], 1000, |_| true).unwrap();
    let shares: Vec<f64> = scores.rows[0].iter().map(|log_p| log_p.exp()).collect();
    let total: f64 = shares.iter().sum();
    let mut row = row.clone();
    if let Label::Soft(label) = &mut row.label {
        label.weights = shares.iter().map(|share| share / total).collect();
    }
    row
}

fn open(name: &str, adapter: &str) -> (ModelConfig, PeftAdapter) {
    let folder = fixtures().join(name);
    let files = ModelFiles::open(&folder.join("model")).unwrap();
    (files.config().unwrap(), PeftAdapter::read(&folder.join(adapter)).unwrap())
}

fn write(config: &ModelConfig, adapter: &PeftAdapter, folder: &TempDir) -> GgufFile {
    let path = folder.path().join("lora.gguf");
    fs::write(&path, adapter.to_gguf(config, ("kind", "model")).unwrap().to_bytes()).unwrap();
    GgufFile::open(&path).unwrap()
}

/// B A with the factor, row by row: what is added to the weight.
fn product(a: &[f32], b: &[f32], rank: usize, scale: f64) -> Vec<f64> {
    let columns = a.len() / rank;
    let row = |b: &[f32]| -> Vec<f64> {
        let at = |column: usize| -> f64 {
            let parts = b.iter().zip(a[column..].iter().step_by(columns));
            parts.map(|(b, a)| f64::from(*b) * f64::from(*a)).sum()
        };
        (0..columns).map(|column| scale * at(column)).collect()
    };
    b.chunks_exact(rank).flat_map(row).collect()
}

fn check(name: &str, config: &ModelConfig, adapter: &PeftAdapter) {
    let folder = TempDir::new().unwrap();
    let file = write(config, adapter, &folder);
    let metadata = file.metadata();
    let text = |key: &str| metadata.str(key).unwrap().unwrap().to_owned();
    assert_eq!(text("general.architecture"), config.architecture.gguf_name());
    assert_eq!((text("general.type"), text("adapter.type")), ("adapter".into(), "lora".into()));
    assert_eq!(text("general.name"), "kind");
    let alpha = metadata.f64("adapter.lora.alpha").unwrap().unwrap();
    assert_eq!(file.tensors().len(), 2 * adapter.modules.len());
    for module in &adapter.modules {
        let block = module.module.split('.').nth(2).unwrap();
        let part = match module.module.rsplit('.').next().unwrap() {
            "q_proj" => "attn_q",
            "k_proj" => "attn_k",
            "v_proj" => "attn_v",
            "o_proj" => "attn_output",
            "gate_proj" => "ffn_gate",
            "up_proj" => "ffn_up",
            "down_proj" => "ffn_down",
            other => panic!("{other}"),
        };
        let read = |half: &str| {
            let name = format!("blk.{block}.{part}.weight.{half}");
            let tensor = RawTensor::from_gguf(&file, &name).unwrap().unwrap();
            (tensor.shape().to_vec(), tensor.to_f32().unwrap())
        };
        let ((a_shape, a), (b_shape, b)) = (read("lora_a"), read("lora_b"));
        assert_eq!(a_shape, [module.r, module.inputs]);
        assert_eq!(b_shape, [module.outputs, module.r]);
        // llama.cpp's own rule for the factor.
        let found = product(&a, &b, module.r, alpha / module.r as f64);
        let expected = product(&module.a, &module.b, module.r, module.scale);
        let order = config.row_order_in_gguf(&module.module);
        let interleaves = ["llama", "smollm3"].contains(&config.architecture.gguf_name());
        assert_eq!(order.is_some(), interleaves && ["attn_q", "attn_k"].contains(&part));
        for row in 0..module.outputs {
            let stored = order.map_or(row, |order| order.stored_row(row));
            for column in 0..module.inputs {
                let found = found[stored * module.inputs + column];
                let expected = expected[row * module.inputs + column];
                let gap = (found - expected).abs();
                assert!(gap <= 1e-6 * expected.abs().max(1e-3), "{name} {part} {row} {column}");
            }
        }
    }
}

#[test]
fn every_kind_of_model() {
    for name in ["llama", "mistral", "qwen2", "qwen3", "smollm3", "gemma3"] {
        let (config, adapter) = open(&format!("tiny/{name}"), "adapter");
        check(name, &config, &adapter);
    }
}

#[test]
fn factors_of_their_own_go_into_b() {
    let (config, adapter) = open("tiny/llama", "adapter_rslora");
    assert_eq!(adapter.modules[0].scale, 4.0);
    check("rslora", &config, &adapter);
    let (config, mut adapter) = open("tiny/llama", "adapter");
    adapter.modules[3].scale = 0.3;
    check("by pattern", &config, &adapter);
}

#[test]
fn plain_numbers_are_not_touched() {
    let (config, adapter) = open("tiny/qwen2", "adapter");
    let folder = TempDir::new().unwrap();
    let file = write(&config, &adapter, &folder);
    let module = &adapter.modules[0];
    assert!(module.module.ends_with("layers.0.mlp.down_proj"));
    let tensor = RawTensor::from_gguf(&file, "blk.0.ffn_down.weight.lora_b").unwrap().unwrap();
    assert_eq!(tensor.to_f32().unwrap(), module.b);
}

#[test]
fn an_adapter_for_another_model_is_refused() {
    let (config, _) = open("options/gemma2", "adapter");
    let (_, adapter) = open("tiny/llama", "adapter");
    let error = adapter.to_gguf(&config, ("kind", "that model")).unwrap_err().to_string();
    assert!(error.contains("`kind` does not fit model `that model`"), "{error}");
}
