//! Losses, gradients, and optimiser steps.

use crate::case::{Case, MODELS, assert_close, assert_near};
use axia_engine::config::MODULES;
use axia_engine::decoder::Activations;
use axia_engine::kernels::CpuKernels;
use axia_engine::lora::{Adapter, Gradients};
use axia_engine::train::{
    Batch, Optimizer, Order, Schedule, TrainData, TrainRow, TrainSettings, train,
};

/// The rows behind the padded reference batch.
fn rows(case: &Case) -> Vec<TrainRow> {
    let batch = &case.reference["inputs"]["sft_batch"];
    let count = batch["input_ids"].as_array().unwrap().len();
    (0..count)
        .map(|i| {
            let ids = case.ids(&format!("/inputs/sft_batch/input_ids/{i}"));
            let labels = batch["labels"][i].as_array().unwrap();
            let first = labels.iter().position(|l| l.as_i64() != Some(-100)).unwrap();
            let supervised = labels.iter().filter(|l| l.as_i64() != Some(-100)).count();
            let (prompt, rest) = ids.split_at(first);
            let completion = rest[..supervised].to_vec();
            TrainRow::completion(prompt.to_vec(), completion, 0)
        })
        .collect()
}

/// Loss and gradients of the mean over the batch's supervised tokens.
fn gradients(
    case: &Case,
    adapter: &Adapter<CpuKernels>,
    max_tokens: usize,
) -> (f64, Gradients<CpuKernels>) {
    let rows = rows(case);
    let batch = Batch::new(&rows.iter().collect::<Vec<_>>(), case.decoder.config(), max_tokens);
    let mut gradients = Gradients::zeros(case.decoder.kernels(), adapter);
    let factor = 1.0 / batch.supervised as f32;
    let mut activations = Activations::default();
    let found =
        batch.backward(&case.decoder, adapter, factor, &mut activations, &mut gradients).unwrap();
    (found.sum / batch.supervised as f64, gradients)
}

fn assert_gradients(case: &Case, prefix: &str, adapter: &Adapter<CpuKernels>, max_tokens: usize) {
    let (_, found) = gradients(case, adapter, max_tokens);
    for (&(block, module), [da, db]) in adapter.places().iter().zip(found.arrays()) {
        let key = format!("{prefix}/{}", module.name(block));
        assert_close(&key, da, &case.array(&format!("{key}.lora_A")));
        assert_close(&key, db, &case.array(&format!("{key}.lora_B")));
    }
    assert_eq!(adapter.places().len(), case.decoder.config().layers * MODULES.len());
}

#[test]
fn loss_and_gradients() {
    for name in MODELS {
        let case = Case::open(name);
        let adapter = case.adapter("adapter");
        // One forest, and several that are added up.
        for max_tokens in [1000, 20] {
            let (loss, _) = gradients(&case, &adapter, max_tokens);
            assert_near(name, loss, case.number("/sft/loss"));
            assert_gradients(&case, "sft.grad", &adapter, max_tokens);
        }
    }
}

#[test]
fn rank_stabilised_gradients() {
    for name in ["llama", "qwen3"] {
        let case = Case::open(name);
        let adapter = case.adapter("adapter_rslora");
        let (loss, _) = gradients(&case, &adapter, 1000);
        assert_near(name, loss, case.number("/rslora/loss"));
        assert_gradients(&case, "rslora.sft.grad", &adapter, 1000);
    }
}

#[test]
fn optimiser_steps() {
    for name in MODELS {
        let case = Case::open(name);
        for (key, weight_decay) in [("wd0", 0.0), ("wd0.01", 0.01)] {
            let steps = if ["llama", "qwen3"].contains(&name) { 1..=3 } else { 3..=3 };
            for count in steps {
                let settings = TrainSettings {
                    batch_rows: 5,
                    epochs: count,
                    optimizer: Optimizer { lr: 1e-2, weight_decay, ..Optimizer::default() },
                    schedule: Schedule::Constant,
                    warmup: 0.0,
                    order: Order::File,
                    ..TrainSettings::default()
                };
                let data = TrainData { train: rows(&case), ..TrainData::default() };
                let adapter = case.adapter("adapter");
                let trained =
                    train(&case.decoder, adapter, &data, &settings, None, &mut ()).unwrap();
                for (i, record) in trained.history.steps.iter().enumerate() {
                    let at = format!("/adamw/{key}/{i}");
                    assert_near(&at, record.loss, case.number(&at));
                }
                let places = trained.adapter.places().iter();
                for (&(block, module), pair) in places.zip(trained.adapter.pairs()) {
                    let key = format!("adamw.{key}.step{count}/{}", module.name(block));
                    assert_close(&key, &pair.a, &case.array(&format!("{key}.lora_A")));
                    assert_close(&key, &pair.b, &case.array(&format!("{key}.lora_B")));
                }
            }
        }
    }
}
