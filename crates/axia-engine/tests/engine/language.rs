//! Holding an adapter to the base on plain text.

use crate::tiny::{
    adapter, assert_near, bits, data, fixture, fresh, load, model, rows, run, steady,
};
use axia_engine::decoder::Decoder;
use axia_engine::kernels::CpuKernels;
use axia_engine::lora::Adapter;
use axia_engine::score::{ScoreRow, score};
use axia_engine::train::{EarlyStopping, StopReason, TrainData, TrainSettings};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use std::path::Path;

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

// Early stopping counts as transformers' EarlyStoppingCallback does beside a Trainer that keeps
// the best model: patience is reset by a loss more than the threshold below the lowest so far,
// and the lowest is noted whether or not the threshold was met.

const EPOCHS: usize = 12;

fn long() -> TrainSettings {
    TrainSettings { epochs: EPOCHS, ..steady() }
}

/// Validation rows of which training helps some and spoils others: their loss goes up and down.
fn half_learnable() -> TrainData {
    let mut data = data();
    data.validation.extend(data.train[..4].to_vec());
    data
}

/// Whether each validation counts as improved, up to the one after which the run ends.
fn expected(losses: &[f64], patience: usize, threshold: f64) -> (Vec<bool>, StopReason) {
    let (mut lowest, mut counter, mut improved) = (None, 0, Vec::new());
    for &loss in losses {
        let resets = lowest.is_none_or(|low| loss < low && low - loss > threshold);
        counter = if resets { 0 } else { counter + 1 };
        improved.push(resets);
        lowest = Some(lowest.map_or(loss, |low: f64| low.min(loss)));
        if counter >= patience {
            return (improved, StopReason::EarlyStopping);
        }
    }
    (improved, StopReason::Finished)
}

fn first_lowest(losses: &[f64]) -> usize {
    let better = |best: usize, i: usize| if losses[i] < losses[best] { i } else { best };
    (0..losses.len()).reduce(better).unwrap()
}

#[test]
fn patience_and_threshold_count_as_in_transformers() {
    let (decoder, data) = (model(), half_learnable());
    let whole = run(&decoder, fresh(&decoder, 1), &data, &long()).unwrap();
    let losses: Vec<f64> = whole.history.validations.iter().map(|v| v.loss).collect();
    assert_eq!(losses.len(), EPOCHS);
    let mut ends = Vec::new();
    for patience in [1, 2, 3] {
        for threshold in [0.0, 0.12, 5.0] {
            let early_stopping = Some(EarlyStopping { patience, threshold });
            let settings = TrainSettings { early_stopping, ..long() };
            let found = run(&decoder, fresh(&decoder, 1), &data, &settings).unwrap();
            let (improved, stopped) = expected(&losses, patience, threshold);
            let what = format!("patience {patience}, threshold {threshold}, {losses:?}");
            assert_eq!(found.stopped, stopped, "{what}");
            let seen = &found.history.validations;
            let flags: Vec<bool> = seen.iter().map(|v| v.improved).collect();
            assert_eq!(flags, improved, "{what}");
            let found_losses: Vec<f64> = seen.iter().map(|v| v.loss).collect();
            assert_eq!(found_losses, losses[..improved.len()], "{what}");
            ends.push(improved.len());
        }
    }
    ends.sort_unstable();
    ends.dedup();
    assert!(ends.len() > 2, "the cases should differ: {ends:?}");
}

#[test]
fn the_best_adapter_comes_back() {
    let (decoder, data) = (model(), half_learnable());
    for validation in [data.validation.clone(), data.validation[..5].to_vec()] {
        let data = TrainData { validation, ..data.clone() };
        let whole = run(&decoder, fresh(&decoder, 1), &data, &long()).unwrap();
        let losses: Vec<f64> = whole.history.validations.iter().map(|v| v.loss).collect();
        let best = first_lowest(&losses);
        assert!(best + 1 < EPOCHS, "the last epoch should not be the best: {losses:?}");
        // At a constant rate, a run of that many epochs ends where the long one was then.
        let short = TrainSettings { epochs: best + 1, ..long() };
        let unwatched = TrainData { validation: Vec::new(), ..data };
        let short = run(&decoder, fresh(&decoder, 1), &unwatched, &short).unwrap();
        assert!(bits(&whole.adapter) == bits(&short.adapter));
        assert!(short.history.validations.is_empty());
    }
}

#[test]
fn epochs_and_steps_are_counted() {
    let decoder = model();
    let settings = TrainSettings { max_steps: Some(7), ..steady() };
    let found = run(&decoder, fresh(&decoder, 1), &data(), &settings).unwrap();
    let steps: Vec<_> = found.history.steps.iter().map(|s| (s.step, s.epoch, s.rows)).collect();
    let expected = [(1, 0, 4), (2, 0, 4), (3, 0, 3), (4, 1, 4), (5, 1, 4), (6, 1, 3), (7, 2, 4)];
    assert_eq!(steps, expected);
    let seen: Vec<_> = found.history.validations.iter().map(|v| (v.step, v.epoch)).collect();
    assert_eq!(seen, [(3, 1), (6, 2), (7, 3)], "the last one is where the limit falls");
}

/// A tensor's name, shape and bytes.
type Stored = (String, Vec<usize>, Vec<u8>);

const EMBEDDING: &str = "model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";

/// Writes a model whose embeddings are to be the output layer, with `change` made to what is stored of
/// both, and scores a row.
fn scores(folder: &Path, change: impl Fn(&mut Vec<Stored>)) -> Vec<f64> {
    let original = fixture("llama_tied").join("model");
    std::fs::copy(original.join("config.json"), folder.join("config.json")).unwrap();
    let bytes = std::fs::read(original.join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let stored =
        file.iter().map(|(name, t)| (name.to_owned(), t.shape().to_vec(), t.data().to_vec()));
    let mut stored: Vec<_> = stored.collect();
    change(&mut stored);
    let views = stored.iter().map(|(name, shape, data)| {
        (name, TensorView::new(safetensors::Dtype::F32, shape.clone(), data).unwrap())
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    std::fs::write(folder.join("model.safetensors"), bytes).unwrap();
    let row = ScoreRow { prompt: vec![1, 5, 9], candidates: vec![vec![7], vec![8, 3]] };
    score(&load(folder).unwrap(), None, &[row], 100, |_| true).unwrap().rows.remove(0)
}

#[test]
fn tied_matrices_may_be_stored_under_either_name_or_both() {
    let folder = tempfile::tempdir().unwrap();
    let scores = |change: &dyn Fn(&mut Vec<Stored>)| scores(folder.path(), change);
    let embedding =
        |stored: &[Stored]| stored.iter().position(|(name, ..)| name == EMBEDDING).unwrap();
    let expected = scores(&|stored| assert!(stored.iter().all(|(name, ..)| name != HEAD)));
    let as_head = scores(&|stored| {
        let at = embedding(stored);
        stored[at].0 = HEAD.to_owned();
    });
    assert_eq!(as_head, expected);
    let as_both = scores(&|stored| {
        let (_, shape, data) = stored[embedding(stored)].clone();
        stored.push((HEAD.to_owned(), shape, data));
    });
    assert_eq!(as_both, expected);
    let without_prefix = scores(&|stored| {
        for (name, ..) in stored {
            *name = name.strip_prefix("model.").unwrap().to_owned();
        }
    });
    assert_eq!(without_prefix, expected);
    // transformers leaves two that differ alone. All logits are zero here.
    let apart = scores(&|stored| {
        let (_, shape, data) = stored[embedding(stored)].clone();
        stored.push((HEAD.to_owned(), shape, vec![0; data.len()]));
    });
    for (found, tokens) in apart.iter().zip([1.0, 2.0]) {
        assert!((found + tokens * 320f64.ln()).abs() < 1e-5, "{apart:?}");
    }
}
