//! A tiny model, rows for it, and observers.

use axia_engine::adapter::Adapter as PeftAdapter;
use axia_engine::decoder::Decoder;
use axia_engine::error::EngineError;
use axia_engine::kernels::CpuKernels;
use axia_engine::lora::{Adapter, LoraSettings};
use axia_engine::train::{
    History, Label, Observer, Optimizer, Order, Schedule, SoftLabel, Softmax, StepRecord,
    TrainData, TrainRow, TrainSettings, Trained, train,
};
use axia_engine::weights::ModelFiles;
use proptest::prelude::*;
use std::path::{Path, PathBuf};

pub const VOCAB: u32 = 320;

/// The folder of a tiny fixture: `model`, `adapter`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny").join(name)
}

pub fn load(folder: &Path) -> Result<Decoder<CpuKernels>, EngineError> {
    let files = ModelFiles::open(folder)?;
    let config = files.config()?;
    let tensors = files.tensors(&config)?;
    Decoder::load(CpuKernels::default(), config, &tensors)
}

pub fn model() -> Decoder<CpuKernels> {
    load(&fixture("llama").join("model")).unwrap()
}

/// Models of the same shape as [`model`]: the second has a window of 8 in every block, the third in
/// two of three, with all else that is Gemma's.
pub fn models() -> [Decoder<CpuKernels>; 3] {
    ["llama", "mistral", "gemma3"].map(|name| load(&fixture(name).join("model")).unwrap())
}

/// The fixture's adapter, whose `A` and `B` are both far from zero.
pub fn adapter(decoder: &Decoder<CpuKernels>) -> Adapter<CpuKernels> {
    let peft = PeftAdapter::read(&fixture("llama").join("adapter")).unwrap();
    let names = ("adapter", "model");
    Adapter::from_peft(decoder.kernels(), decoder.config(), &peft, names).unwrap()
}

pub fn fresh(decoder: &Decoder<CpuKernels>, seed: u64) -> Adapter<CpuKernels> {
    let settings = LoraSettings { rank: 4, alpha: 8.0, ..LoraSettings::default() };
    Adapter::fresh(decoder.kernels(), decoder.config(), &settings, seed)
}

/// Settings of a short run at a rate that visibly moves the adapter.
pub fn settings() -> TrainSettings {
    TrainSettings {
        batch_rows: 4,
        epochs: 3,
        optimizer: Optimizer { lr: 1e-2, ..Optimizer::default() },
        schedule: Schedule::Cosine,
        order: Order::Random,
        ..TrainSettings::default()
    }
}

/// Like [`settings`], but at a constant rate: a longer run begins as a shorter one goes.
pub fn steady() -> TrainSettings {
    TrainSettings { schedule: Schedule::Constant, warmup: 0.0, ..settings() }
}

/// `count` rows in groups of three that share a prompt's beginning.
pub fn rows(count: u32) -> Vec<TrainRow> {
    let row = |i: u32| {
        let group = i / 3;
        let prompt = vec![1, 10 + group, 20 + group * 7 % 5, 30 + i % 3];
        TrainRow::completion(prompt, vec![40 + i * 13 % 50, 2], group)
    };
    (0..count).map(row).collect()
}

/// 11 rows, three steps of at most four rows an epoch, and validation rows that training on them
/// does not help.
pub fn data() -> TrainData {
    let contradict =
        |row: TrainRow| TrainRow { label: Label::Completion(vec![200 + row.group, 2]), ..row };
    let validation = rows(5).into_iter().map(contradict).collect();
    TrainData { train: rows(11), validation, ..TrainData::default() }
}

/// Random rows over few tokens, so that many share prefixes and some are equal.
pub fn random_rows(most: usize) -> impl Strategy<Value = Vec<TrainRow>> {
    let tokens = |len| prop::collection::vec(0..3u32, len);
    let completion = tokens(1..5).prop_map(Label::Completion);
    let candidates = prop::collection::btree_set(tokens(1..4), 1..4);
    let over = prop::sample::select(vec![Softmax::Vocabulary, Softmax::Candidates]);
    let soft = (candidates, [0.01..1.0f64, 0.0..1.0, 0.0..1.0], over);
    let soft = soft.prop_map(|(candidates, shares, softmax)| {
        let candidates: Vec<Vec<u32>> = candidates.into_iter().collect();
        let shares = &shares[..candidates.len()];
        let weights = shares.iter().map(|w| w / shares.iter().sum::<f64>()).collect();
        Label::Soft(SoftLabel { candidates, weights, softmax })
    });
    let row = (tokens(1..7), prop_oneof![completion, soft]);
    let row = row.prop_map(|(prompt, label)| TrainRow { prompt, label, group: 0 });
    prop::collection::vec(row, 1..most)
}

/// The tokens that a row of [`rows`] teaches.
pub fn completion_mut(row: &mut TrainRow) -> &mut Vec<u32> {
    match &mut row.label {
        Label::Completion(tokens) => tokens,
        Label::Soft(label) => panic!("{label:?} is not a completion"),
    }
}

/// Trains without a checkpoint or an observer.
pub fn run(
    decoder: &Decoder<CpuKernels>,
    adapter: Adapter<CpuKernels>,
    data: &TrainData,
    settings: &TrainSettings,
) -> Result<Trained<CpuKernels>, EngineError> {
    train(decoder, adapter, data, settings, None, &mut ())
}

/// Counts steps and cancels once `limit` of them were taken.
pub struct StopAfter {
    pub limit: usize,
    pub steps: usize,
}

impl StopAfter {
    pub fn new(limit: usize) -> Self {
        Self { limit, steps: 0 }
    }
}

impl Observer for StopAfter {
    fn step(&mut self, _: &StepRecord) {
        self.steps += 1;
    }

    fn cancelled(&self) -> bool {
        self.steps >= self.limit
    }
}

/// All numbers of an adapter as bits.
pub fn bits(adapter: &Adapter<CpuKernels>) -> Vec<u32> {
    let numbers = adapter.pairs().iter().flat_map(|p| p.a.iter().chain(&p.b));
    numbers.map(|v| v.to_bits()).collect()
}

/// A history without its wall times, which no two runs share.
pub fn timeless(history: &History) -> History {
    let mut history = history.clone();
    history.steps.iter_mut().for_each(|step| step.seconds = 0.0);
    history
}

/// Asserts that two runs took the same course to the same bits.
pub fn assert_same(what: &str, found: &Trained<CpuKernels>, expected: &Trained<CpuKernels>) {
    assert_eq!(found.stopped, expected.stopped, "{what}: why it ended");
    let (course, wanted) = (timeless(&found.history), timeless(&expected.history));
    for (a, b) in course.steps.iter().zip(&wanted.steps) {
        assert_eq!(a, b, "{what}");
    }
    assert!(course == wanted, "{what}: steps or validations");
    assert!(bits(&found.adapter) == bits(&expected.adapter), "{what}: adapter");
}

/// Asserts that `found` is `expected` up to `tolerance` times the largest expected number.
pub fn assert_close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths");
    let scale = expected.iter().fold(1e-30f32, |most, v| most.max(v.abs()));
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        let gap = (a - b).abs() / scale;
        assert!(gap <= tolerance, "{what}[{i}]: {a} against {b}, off by {gap:e} of {scale}");
    }
}

/// Asserts that two numbers differ by at most `tolerance` relative to the second.
pub fn assert_near(what: &str, found: f64, expected: f64, tolerance: f64) {
    let gap = (found - expected).abs();
    assert!(
        gap <= tolerance * expected.abs(),
        "{what}: {found} against {expected}, off by {gap:e}"
    );
}
