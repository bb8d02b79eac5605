//! Holding an adapter to the base on plain text.

use crate::tiny::{adapter, assert_near, fresh, model, rows, run, steady};
use axia_engine::decoder::Decoder;
use axia_engine::kernels::CpuKernels;
use axia_engine::lora::Adapter;
use axia_engine::score::{ScoreRow, score};
use axia_engine::train::{TrainData, TrainSettings};

const TEXT: [u32; 9] = [1, 12, 300, 45, 7, 12, 99, 210, 6];

/// Log-probabilities of the whole vocabulary after each token of [`TEXT`] but the last.
fn log_probs(
    decoder: &Decoder<CpuKernels>,
    adapter: Option<&Adapter<CpuKernels>>,
) -> Vec<Vec<f64>> {
    let vocab = decoder.config().vocab_size as u32;
    let row = |at: usize| ScoreRow {
        prompt: TEXT[..at].to_vec(),
        candidates: (0..vocab).map(|token| vec![token]).collect(),
    };
    let rows: Vec<ScoreRow> = (1..TEXT.len()).map(row).collect();
    score(decoder, adapter, &rows, 1000, |_| true).unwrap().rows
}

fn divergence(decoder: &Decoder<CpuKernels>, adapter: &Adapter<CpuKernels>) -> f64 {
    let (p, q) = (log_probs(decoder, None), log_probs(decoder, Some(adapter)));
    let pairs = p.iter().flatten().zip(q.iter().flatten());
    pairs.map(|(p, q)| p.exp() * (p - q)).sum::<f64>() / p.len() as f64
}

fn settings(language_kl: f64) -> TrainSettings {
    TrainSettings { epochs: 1, max_steps: Some(1), language_kl, ..steady() }
}

#[test]
fn the_divergence_is_that_of_the_whole_vocabulary() {
    let decoder = model();
    let texts = vec![TEXT.to_vec()];
    let data = TrainData { train: rows(3), texts, ..TrainData::default() };
    let trained = run(&decoder, adapter(&decoder), &data, &settings(0.5)).unwrap();
    let found = trained.history.steps[0].language_kl.unwrap();
    assert_near("divergence", found, divergence(&decoder, &adapter(&decoder)), 1e-3);
    // A fresh adapter is the base.
    let trained = run(&decoder, fresh(&decoder, 1), &data, &settings(0.5)).unwrap();
    assert!(trained.history.steps[0].language_kl.unwrap().abs() < 1e-5);
    let without = run(&decoder, fresh(&decoder, 1), &data, &settings(0.0)).unwrap();
    assert_eq!(without.history.steps[0].language_kl, None);
}

/// Descending on the divergence alone (a soft label of one candidate has no loss) brings an adapter
/// back to the base.
#[test]
fn steps_lead_back_to_the_base() {
    use axia_engine::train::{Label, SoftLabel, Softmax, TrainRow};
    let decoder = model();
    let label =
        SoftLabel { candidates: vec![vec![5]], weights: vec![1.0], softmax: Softmax::Candidates };
    let still = TrainRow { prompt: vec![1, 2], label: Label::Soft(label), group: 0 };
    let data = TrainData { train: vec![still], texts: vec![TEXT.to_vec()], ..TrainData::default() };
    let settings = TrainSettings { epochs: 30, max_steps: None, ..settings(1.0) };
    let before = divergence(&decoder, &adapter(&decoder));
    let trained = run(&decoder, adapter(&decoder), &data, &settings).unwrap();
    let after = divergence(&decoder, &trained.adapter);
    assert!(after < 0.2 * before, "{after} of {before}");
    let told = trained.history.steps.last().and_then(|step| step.language_kl).unwrap();
    assert!(told < 0.2 * before && told > 0.0);
}

#[test]
fn texts_are_checked_and_needed() {
    let decoder = model();
    let refused = |texts: Vec<Vec<u32>>| {
        let data = TrainData { train: rows(3), texts, ..TrainData::default() };
        run(&decoder, fresh(&decoder, 1), &data, &settings(0.5)).err().unwrap().to_string()
    };
    let needed = refused(vec![]);
    assert!(needed.contains("the number of plain texts is 0"), "{needed}");
    assert!(refused(vec![TEXT.to_vec(), vec![1]]).contains("row 2: the plain text is empty"));
    assert!(refused(vec![vec![1, 999]]).contains("token id 999"));
}
