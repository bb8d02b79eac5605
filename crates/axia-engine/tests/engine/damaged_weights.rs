//! NaN and infinity in weights and adapters.

use crate::tiny::{adapter, data, fixture, fresh, load, model, run, settings};
use axia_engine::adapter::{Adapter as PeftAdapter, AdapterError};
use axia_engine::checkpoint_files::CheckpointError;
use axia_engine::config::Module;
use axia_engine::decoder::Decoder;
use axia_engine::error::EngineError;
use axia_engine::generate::{Request, Sampling, generate};
use axia_engine::kernels::{CpuKernels, LoraPair};
use axia_engine::lora::Adapter;
use axia_engine::score::{ScoreRow, score};
use axia_engine::train::{TrainData, TrainSettings};
use safetensors::SafeTensors;
use std::fs;
use tempfile::TempDir;

/// The tiny model with one number of one tensor replaced; it lies in the folder.
pub fn changed_model(
    tensor: &str,
    index: usize,
    value: f32,
) -> (TempDir, Result<Decoder<CpuKernels>, EngineError>) {
    let (from, folder) = (fixture("llama").join("model"), TempDir::new().unwrap());
    fs::copy(from.join("config.json"), folder.path().join("config.json")).unwrap();
    let mut bytes = fs::read(from.join("model.safetensors")).unwrap();
    let (header, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let start = 8 + header + metadata.info(tensor).unwrap().data_offsets.0 + 4 * index;
    bytes[start..start + 4].copy_from_slice(&value.to_le_bytes());
    fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
    let model = load(folder.path());
    (folder, model)
}

fn assert_names(what: &str, error: &EngineError, name: &str, at: usize) {
    let found = match error {
        EngineError::Checkpoint(CheckpointError::NonFinite { tensor, index, .. }) => {
            (tensor, *index)
        }
        other => panic!("{what}: {other}"),
    };
    assert_eq!((found.0.as_str(), found.1), (name, at), "{what}");
}

fn request() -> Request {
    Request { prompt: vec![1, 5, 9], sampling: Sampling::GREEDY, seed: 0, max_tokens: 3 }
}

#[test]
fn everything_names_the_damaged_tensor() {
    let places = [
        ("model.layers.1.mlp.up_proj.weight", 70, f32::NAN),
        ("model.layers.0.self_attn.k_proj.weight", 0, f32::INFINITY),
        ("model.layers.2.self_attn.q_proj.weight", 4095, f32::NEG_INFINITY),
        ("lm_head.weight", 64 * 300 + 7, f32::NAN),
    ];
    for (name, at, value) in places {
        let (_folder, decoder) = changed_model(name, at, value);
        let decoder = decoder.unwrap();
        let rows = [ScoreRow { prompt: vec![1, 5], candidates: vec![vec![7], vec![8, 9]] }];
        let error = score(&decoder, None, &rows, 100, |_| true).err().unwrap();
        assert_names("scoring", &error, name, at);
        let error = run(&decoder, fresh(&decoder, 1), &data(), &settings()).err().unwrap();
        assert_names("training", &error, name, at);
        let error = generate(&decoder, &[request()], |_| false).err().unwrap();
        assert_names("sampling", &error, name, at);
    }
}

#[test]
fn a_damaged_norm_is_found_at_once() {
    let name = "model.layers.2.post_attention_layernorm.weight";
    let (_folder, decoder) = changed_model(name, 3, f32::NAN);
    assert_names("loading", &decoder.err().unwrap(), name, 3);
}

/// The adapter with the value projection of block 1 replaced.
fn with_pair(decoder: &Decoder<CpuKernels>, a: f32, b: f32, scale: f32) -> Adapter<CpuKernels> {
    let pair = LoraPair { a: vec![a; 64], b: vec![b; 32], rank: 1, scale };
    Adapter::new(decoder.config().layers, vec![((1, Module::V), pair)], vec![[64, 32]])
}

fn assert_not_finite(error: &EngineError, thing: &str) {
    assert!(matches!(error, EngineError::NonFinite { what } if what == thing), "{error}");
}

#[test]
fn a_damaged_adapter_is_not_blamed_on_the_model() {
    let decoder = model();
    let damaged = with_pair(&decoder, f32::NAN, 1.0, 1.0);
    let rows = [ScoreRow { prompt: vec![1, 5], candidates: vec![vec![7]] }];
    let error = score(&decoder, Some(&damaged), &rows, 100, |_| true).err().unwrap();
    assert_not_finite(&error, "a log-probability");
    let error = run(&decoder, damaged, &data(), &settings()).err().unwrap();
    assert_not_finite(&error, "the loss");
}

#[test]
fn an_infinite_gradient_ends_the_run_before_it_spoils_the_adapter() {
    // With `B` zero the loss is the base model's, but the gradient of `B` overflows. The batch is
    // large enough that the zero update is merged into the weight.
    let decoder = model();
    let overflowing = with_pair(&decoder, 1e20, 0.0, 1e20);
    let once = TrainSettings { batch_rows: 11, max_steps: Some(1), ..settings() };
    let data = TrainData { validation: Vec::new(), ..data() };
    let error = run(&decoder, overflowing, &data, &once).err().unwrap();
    assert_not_finite(&error, "the gradient");
}

#[test]
fn an_adapter_for_another_model_is_refused() {
    let decoder = model();
    let peft = PeftAdapter::read(&fixture("llama").join("adapter")).unwrap();
    let mismatch = |change: fn(&mut PeftAdapter)| {
        let mut peft = peft.clone();
        change(&mut peft);
        let names = ("theirs", "ours");
        let found = Adapter::from_peft(decoder.kernels(), decoder.config(), &peft, names);
        match found.err() {
            Some(EngineError::Adapter(e @ AdapterError::Mismatch { .. })) => e.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let deeper = mismatch(|p| p.modules[0].module = "model.layers.3.mlp.down_proj".to_owned());
    assert!(deeper.contains("`model.layers.3.mlp.down_proj`"), "{deeper}");
    assert!(deeper.contains("theirs") && deeper.contains("ours"), "{deeper}");
    let wider = mismatch(|p| p.modules[0].inputs += 1);
    assert!(wider.contains(&peft.modules[0].module), "{wider}");
    let fewer = mismatch(|p| drop(p.modules.pop()));
    assert!(fewer.contains(&peft.modules.last().unwrap().module), "{fewer}");
}

#[test]
fn places_beyond_the_adapter_have_no_pair() {
    let decoder = model();
    let whole = adapter(&decoder);
    assert!(whole.pair(2, Module::Down).is_some());
    assert!(whole.pair(3, Module::Down).is_none());
}
