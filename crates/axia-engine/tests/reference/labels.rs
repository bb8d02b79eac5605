//! Soft labels: losses, gradients and optimiser steps.

use crate::case::{Case, Labels, MODELS, assert_close, assert_near};
use axia_engine::decoder::Activations;
use axia_engine::lora::{Adapter, Gradients};
use axia_engine::train::{Batch, Label, Softmax, TrainData, TrainRow, train};

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
