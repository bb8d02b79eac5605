//! The reference models of `tests/reference` through the card's kernels, run on the host, and on a
//! card where there is one: logits, gradients, steps, scores and continuations.

use super::host_queue::{self, HostQueue};
use crate::case::{Case, Labels, MODELS, assert_near, fixtures, ids};
use axia_engine::adapter::Adapter as PeftAdapter;
use axia_engine::decoder::{
    Activations, Decoder, Keep, TokensPerStep, bytes_per_token, tokens_that_fit,
};
use axia_engine::error::EngineError;
use axia_engine::forest::Forest;
use axia_engine::generate::{Request, Sampling, generate};
use axia_engine::kernels::cuda::{CudaKernels, Precision};
use axia_engine::kernels::{Kernels, Target};
use axia_engine::lora::{Adapter, Gradients};
use axia_engine::score::{PrefixCache, ScoreRow, score};
use axia_engine::train::{
    Batch, Optimizer, Order, Schedule, Softmax, TrainData, TrainRow, TrainSettings, train,
};
use axia_engine::weights::ModelFiles;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Largest and mean error, relative to the largest number of an array.
#[derive(Clone, Copy)]
struct Tolerance {
    largest: f64,
    mean: f64,
}

/// Single precision against double.
const EXACT: Tolerance = Tolerance { largest: 1e-4, mean: 1e-4 };
/// Factors in bfloat16, 8 significant bits, against double: each product is off by at most 1e-2 and
/// by 2e-3 in the mean (`twins` holds them to that). Through three blocks of these models, whose
/// random weights are large, errors add up; these limits are about twice what comes out.
const ROUGH: Tolerance = Tolerance { largest: 1e-1, mean: 8e-3 };
/// Gradients go twice as long a way, and through differences.
const ROUGH_GRADIENT: Tolerance = Tolerance { largest: 2.5e-1, mean: 4e-2 };

fn close(what: &str, found: &[f32], expected: &[f32], tolerance: Tolerance) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths");
    let scale = expected.iter().fold(0f64, |m, v| m.max(f64::from(v.abs())));
    let gaps = found.iter().zip(expected).map(|(a, b)| f64::from((a - b).abs()) / scale);
    // A NaN must not pass.
    let (largest, sum) = gaps.fold((0f64, 0f64), |(largest, sum), gap| {
        (if gap <= largest { largest } else { gap }, sum + gap)
    });
    let mean = sum / found.len() as f64;
    let passes = largest <= tolerance.largest && mean <= tolerance.mean;
    assert!(passes, "{what}: off by {largest:e}, {mean:e} in the mean, of {scale}");
}

/// A reference model on some kernels.
struct Twin<K: Kernels> {
    case: Case,
    decoder: Decoder<K>,
}

impl<K: Kernels> Twin<K> {
    fn open(name: &'static str, kernels: K) -> Self {
        let files = ModelFiles::open(&fixtures().join("tiny").join(name).join("model")).unwrap();
        let config = files.config().unwrap();
        let tensors = files.tensors(&config).unwrap();
        let decoder = Decoder::load(kernels, config, &tensors).unwrap();
        Self { case: Case::open(name), decoder }
    }

    fn adapter(&self) -> Adapter<K> {
        let path = fixtures().join("tiny").join(self.case.name).join("adapter");
        let peft = PeftAdapter::read(&path).unwrap();
        let names = ("adapter", self.case.name);
        Adapter::from_peft(self.decoder.kernels(), self.decoder.config(), &peft, names).unwrap()
    }

    fn rows(&self) -> Vec<TrainRow> {
        let batch = &self.case.reference["inputs"]["sft_batch"];
        let row = |(sequence, labels): (&serde_json::Value, &serde_json::Value)| {
            let is_read = |label: &&serde_json::Value| label.as_i64() != Some(-100);
            let labels = labels.as_array().unwrap();
            let first = labels.iter().position(|label| is_read(&label)).unwrap();
            let sequence = ids(sequence);
            let (prompt, rest) = sequence.split_at(first);
            let completion = rest[..labels.iter().filter(is_read).count()].to_vec();
            TrainRow::completion(prompt.to_vec(), completion, 0)
        };
        let [sequences, labels] = ["input_ids", "labels"].map(|k| batch[k].as_array().unwrap());
        sequences.iter().zip(labels).map(row).collect()
    }

    fn check_logits(&self, tolerance: Tolerance) {
        let sequences: Vec<Vec<u32>> =
            (0..4).map(|i| self.case.ids(&format!("/inputs/sequences/{i}"))).collect();
        let (forest, ends) = Forest::build(&sequences);
        let all: Vec<u32> = (0..forest.len() as u32).collect();
        let pass = self.decoder.pass(&forest, &all);
        let mut activations = Activations::default();
        self.decoder.forward(None, &pass, Keep::Nothing, &mut activations);
        let logits = self.decoder.logits(&activations);
        let vocab = self.decoder.config().vocab_size;
        for (i, &end) in ends.iter().enumerate() {
            let path = forest.tail(end, usize::MAX);
            let found = path.iter().flat_map(|&n| &logits[n as usize * vocab..][..vocab]);
            let found: Vec<f32> = found.copied().collect();
            let what = format!("{}: logits {i}", self.case.name);
            close(&what, &found, &self.case.array(&format!("logits.{i}")), tolerance);
        }
    }

    fn check_gradients(&self, tolerance: Tolerance) {
        let (kernels, adapter, rows) = (self.decoder.kernels(), self.adapter(), self.rows());
        let batch = Batch::new(&rows.iter().collect::<Vec<_>>(), self.decoder.config(), 1000);
        let mut gradients = Gradients::zeros(kernels, &adapter);
        let factor = 1.0 / batch.supervised as f32;
        let mut activations = Activations::default();
        let (decoder, kept) = (&self.decoder, &mut activations);
        let found = batch.backward(decoder, &adapter, factor, kept, &mut gradients).unwrap();
        let loss = found.sum / batch.supervised as f64;
        let expected = self.case.number("/sft/loss");
        assert!((loss - expected).abs() <= tolerance.largest * expected, "{loss} {expected}");
        for (&(block, module), pair) in adapter.places().iter().zip(gradients.arrays()) {
            for (part, found) in ["lora_A", "lora_B"].iter().zip(pair) {
                let key = format!("sft.grad/{}.{part}", module.name(block));
                let what = format!("{}: {key}", self.case.name);
                close(&what, &kernels.download(found), &self.case.array(&key), tolerance);
            }
        }
    }

    /// Three steps on soft labels, with both kinds of softmax.
    fn check_labels(&self) {
        for softmax in [Softmax::Vocabulary, Softmax::Candidates] {
            let labels = Labels::open(self.case.name, softmax);
            let data = TrainData { train: labels.rows.clone(), ..TrainData::default() };
            let (adapter, settings) = (self.adapter(), labels.settings());
            let trained = train(&self.decoder, adapter, &data, &settings, None, &mut ()).unwrap();
            for (i, record) in trained.history.steps.iter().enumerate() {
                assert_near(self.case.name, record.loss, labels.number(&format!("adamw/{i}")));
            }
        }
    }

    /// Three steps of AdamW, against the same in double precision.
    fn check_steps(&self) {
        let optimizer = Optimizer { lr: 1e-2, weight_decay: 0.01, ..Optimizer::default() };
        let settings = TrainSettings {
            batch_rows: 5,
            epochs: 3,
            optimizer,
            schedule: Schedule::Constant,
            warmup: 0.0,
            order: Order::File,
            ..TrainSettings::default()
        };
        let data = TrainData { train: self.rows(), ..TrainData::default() };
        let adapter = self.adapter();
        let trained = train(&self.decoder, adapter, &data, &settings, None, &mut ()).unwrap();
        for (i, record) in trained.history.steps.iter().enumerate() {
            let at = format!("/adamw/wd0.01/{i}");
            assert_near(&at, record.loss, self.case.number(&at));
        }
        let places = trained.adapter.places().iter();
        for (&(block, module), pair) in places.zip(trained.adapter.pairs()) {
            for (part, found) in [("lora_A", &pair.a), ("lora_B", &pair.b)] {
                let key = format!("adamw.wd0.01.step3/{}.{part}", module.name(block));
                let found = self.decoder.kernels().download(found);
                close(&key, &found, &self.case.array(&key), EXACT);
            }
        }
    }

    /// Scores, with and without memory of what prompts began with, and continuations, beside the
    /// CPU's.
    fn check_uses(&self, sibling: K) {
        let prompts =
            [vec![1, 7, 9, 30, 12], vec![1, 7, 9, 4], vec![1, 7, 9, 30, 5, 6, 8, 9, 3, 2]];
        let candidates = vec![vec![5, 6], vec![9], vec![5, 11, 3]];
        let rows: Vec<ScoreRow> = prompts
            .iter()
            .map(|prompt| ScoreRow { prompt: prompt.clone(), candidates: candidates.clone() })
            .collect();
        let expected = score(&self.case.decoder, None, &rows, 1000, |_| true).unwrap().rows;
        let found = score(&self.decoder, None, &rows, 1000, |_| true).unwrap().rows;
        let mut memory = PrefixCache::new(1000);
        let in_turn = memory.score(&self.decoder, None, &rows, |_| true).unwrap().rows;
        for ((a, b), c) in found.concat().iter().zip(expected.concat()).zip(in_turn.concat()) {
            assert_near("a score", *a, b);
            assert_near("a score in turn", c, b);
        }
        let request = |prompt: &Vec<u32>| Request {
            prompt: prompt.clone(),
            sampling: Sampling::GREEDY,
            seed: 1,
            max_tokens: 12,
        };
        let requests: Vec<Request> = prompts.iter().map(request).collect();
        let expected = generate(&self.case.decoder, &requests, |_| false).unwrap();
        let merged = self.decoder.merged(sibling, None);
        assert_eq!(generate(&merged, &requests, |_| false).unwrap(), expected);
    }
}

/// What a pass takes is estimated, and not by much too high.
#[test]
fn memory_of_passes_is_known_beforehand() {
    for name in ["llama", "qwen3", "gemma3"] {
        let Some(kernels) = host_queue::kernels(Precision::Bf16) else { return };
        let used = Arc::clone(&kernels.queue().used);
        let twin = Twin::open(name, kernels);
        let (decoder, adapter) = (&twin.decoder, twin.adapter());
        let sequence: Vec<u32> = (0..96).map(|i| 3 + i % 90).collect();
        let (forest, _) = Forest::build(&[sequence]);
        let all: Vec<u32> = (0..forest.len() as u32).collect();
        let pass = decoder.pass(&forest, &all);
        for keep in [Keep::Nothing, Keep::Inputs, Keep::All] {
            let mut gradients = Gradients::zeros(decoder.kernels(), &adapter);
            let before = used.load(Ordering::Relaxed);
            let mut activations = Activations::default();
            decoder.forward(Some(&adapter), &pass, keep, &mut activations);
            if keep != Keep::Nothing {
                let target = Target { row: 0, token: 1, weight: 1.0 };
                decoder.backward(&adapter, &pass, &[target], &mut activations, &mut gradients);
            }
            decoder.kernels().check().unwrap();
            let taken = (used.load(Ordering::Relaxed) - before) as u64 / forest.len() as u64;
            let estimate = bytes_per_token(decoder.config(), keep);
            // Logits, tables and the adapter's rank, which small models do not outweigh.
            let besides = 6 * decoder.config().vocab_size as u64 + 600;
            assert!(taken <= estimate + besides, "{name} {keep:?}: {taken} of {estimate}");
            assert!(estimate <= 2 * taken, "{name} {keep:?}: {taken} of {estimate}");
        }
        assert_eq!(tokens_that_fit(decoder.config(), Keep::All, 0), 1);
        let fits = tokens_that_fit(decoder.config(), Keep::All, 8 << 30) as u64;
        assert!(fits * bytes_per_token(decoder.config(), Keep::All) < 8 << 30 && fits > 1000);
    }
}

/// A model on the host as a card that has only so much memory left.
fn cramped(left: u64) -> Option<Twin<CudaKernels<HostQueue>>> {
    let kernels = host_queue::kernels(Precision::Bf16)?;
    let twin = Twin::open("qwen3", kernels.clone());
    let queue = kernels.queue();
    let used = queue.used.load(Ordering::Relaxed);
    queue.limit.store(used + left as usize, Ordering::Relaxed);
    Some(twin)
}

/// Forty rows that share nothing.
fn apart() -> Vec<TrainRow> {
    let row = |i: u32| {
        let prompt = (0..12).map(|j| 3 + (i * 7 + j * 5) % 90).chain([i + 3]).rev().collect();
        TrainRow::completion(prompt, vec![5, 9], i)
    };
    (0..40).map(row).collect()
}

#[test]
fn full_memory_in_training_says_what_would_fit() {
    let tokens_of = |max_tokens, left| {
        let twin = cramped(left)?;
        let settings =
            TrainSettings { batch_rows: 40, max_tokens, order: Order::File, ..Default::default() };
        let data = TrainData { train: apart(), ..TrainData::default() };
        let adapter = twin.adapter();
        Some(train(&twin.decoder, adapter, &data, &settings, None, &mut ()).map(|_| ()))
    };
    let left = 3 << 20;
    let Some(found) = tokens_of(TokensPerStep::AtMost(10_000), left) else { return };
    let error = found.unwrap_err();
    let message = error.to_string();
    let EngineError::PassMemory { tokens, fit, wanted, free, .. } = error else {
        panic!("{message}")
    };
    assert!(message.contains(&format!("--max-tokens-per-step {fit}")), "{message}");
    assert!(wanted > free && tokens > 400 && fit > 20 && fit < tokens, "{message}");
    assert!(message.contains("--recompute"), "{message}");
    tokens_of(TokensPerStep::AtMost(fit), left).unwrap().unwrap();
    tokens_of(TokensPerStep::Auto, left).unwrap().unwrap();
}

#[test]
fn a_step_waits_for_the_card_once() {
    let Some(kernels) = host_queue::kernels(Precision::F32) else { return };
    let twin = Twin::open("llama", kernels.clone());
    let settings = TrainSettings {
        batch_rows: 5,
        accumulation: 4,
        max_tokens: TokensPerStep::AtMost(30),
        clip: Some(1e-3),
        ..TrainSettings::default()
    };
    let data = TrainData { train: apart(), ..TrainData::default() };
    let adapter = twin.adapter();
    let waits = || kernels.queue().waits.load(Ordering::Relaxed);
    let before = waits();
    let trained = train(&twin.decoder, adapter, &data, &settings, None, &mut ()).unwrap();
    assert_eq!(trained.history.steps.len(), 2);
    assert!(trained.history.steps.iter().all(|step| step.loss > 1.0));
    assert_eq!(waits() - before, 2);
}

#[test]
fn where_the_time_goes_is_told_when_asked() {
    let Some(kernels) = host_queue::kernels(Precision::Bf16) else { return };
    let twin = Twin::open("llama", kernels.clone());
    let row = ScoreRow { prompt: vec![3, 4, 5], candidates: vec![vec![6]] };
    let run = || score(&twin.decoder, None, std::slice::from_ref(&row), 100, |_| true).unwrap();
    let expected = run();
    assert!(kernels.kernel_times().is_empty());
    kernels.time_kernels();
    assert_eq!(run().rows, expected.rows);
    let times = kernels.kernel_times();
    let calls = |name| times.iter().find(|time| time.kernel == name).map(|time| time.calls);
    let layers = twin.decoder.config().layers as u64;
    assert_eq!(calls("rms_norm"), Some(2 * layers + 1));
    assert!(calls("matrix products") >= Some(7 * layers));
    assert!(times.windows(2).all(|pair| pair[0].seconds >= pair[1].seconds));
}

#[test]
fn recomputing_blocks_changes_no_bit_and_takes_less() {
    for name in MODELS {
        let trained = |recompute| {
            let kernels = host_queue::kernels(Precision::Bf16)?;
            let twin = Twin::open(name, kernels.clone());
            let settings =
                TrainSettings { batch_rows: 5, epochs: 2, recompute, ..TrainSettings::default() };
            let data = TrainData { train: twin.rows(), ..TrainData::default() };
            let adapter = twin.adapter();
            let trained = train(&twin.decoder, adapter, &data, &settings, None, &mut ()).unwrap();
            let pairs = trained.adapter.pairs().iter().flat_map(|pair| [&pair.a, &pair.b]);
            let bits = pairs.flat_map(|x| kernels.download(x)).map(f32::to_bits);
            Some((bits.collect::<Vec<_>>(), kernels.queue().peak.load(Ordering::Relaxed)))
        };
        let (Some((kept, more)), Some((again, less))) = (trained(false), trained(true)) else {
            return;
        };
        assert_eq!(kept, again, "{name}");
        assert!(less < more, "{name}: {less} of {more}");
    }
}

#[test]
fn full_memory_in_scoring_says_what_would_fit() {
    let scored = |max_tokens: Option<usize>| {
        let twin = cramped(1 << 19)?;
        let row = |row: TrainRow| ScoreRow {
            candidates: row.continuations().to_vec(),
            prompt: row.prompt,
        };
        let rows: Vec<ScoreRow> = apart().into_iter().map(row).collect();
        let wanted = max_tokens.map_or(TokensPerStep::Auto, TokensPerStep::AtMost);
        let most = wanted.resolve(&twin.decoder, Keep::Nothing);
        Some(score(&twin.decoder, None, &rows, most, |_| true).map(|_| ()))
    };
    let Some(found) = scored(Some(10_000)) else { return };
    let error = found.unwrap_err();
    let EngineError::PassMemory { tokens, fit, .. } = error else { panic!("{error}") };
    assert!(tokens > 400 && fit > 20 && fit < tokens, "{error}");
    scored(Some(fit)).unwrap().unwrap();
    scored(None).unwrap().unwrap();
}

#[test]
fn a_card_keeps_no_more_keys_than_fit() {
    let rows: Vec<ScoreRow> = apart()
        .into_iter()
        .map(|row| ScoreRow { candidates: row.continuations().to_vec(), prompt: row.prompt })
        .collect();
    let request = |row: &ScoreRow| Request {
        prompt: row.prompt.clone(),
        sampling: Sampling::GREEDY,
        seed: 1,
        max_tokens: 6,
    };
    let requests: Vec<Request> = rows.iter().map(request).collect();
    let found = |left| {
        let twin = cramped(left)?;
        let mut memory = PrefixCache::new(4000);
        let scores = memory.score(&twin.decoder, None, &rows, |_| true).unwrap().rows.concat();
        drop(memory);
        Some((scores, generate(&twin.decoder, &requests, |_| false).unwrap()))
    };
    let (Some((scores, drawn)), Some((roomy_scores, roomy_drawn))) =
        (found(1 << 19), found(1 << 30))
    else {
        return;
    };
    assert_eq!(drawn, roomy_drawn);
    for (a, b) in scores.iter().zip(roomy_scores) {
        assert_near("a score", *a, b);
    }
}

/// Runs `check` on every reference model, with the card's kernels on the host and on a card.
macro_rules! on_all {
    ($precision:expr, |$twin:ident, $kernels:ident| $check:expr) => {
        for name in MODELS {
            on_each!($precision, |$kernels| {
                let $twin = Twin::open(name, $kernels.clone());
                $check;
            });
        }
    };
}

#[test]
fn logits_in_single_precision() {
    on_all!(Precision::F32, |twin, _kernels| twin.check_logits(EXACT));
}

#[test]
fn logits_in_bf16() {
    on_all!(Precision::Bf16, |twin, _kernels| twin.check_logits(ROUGH));
}

#[test]
fn gradients_in_single_precision() {
    on_all!(Precision::F32, |twin, _kernels| twin.check_gradients(EXACT));
}

#[test]
fn gradients_in_bf16() {
    on_all!(Precision::Bf16, |twin, _kernels| twin.check_gradients(ROUGH_GRADIENT));
}

#[test]
fn steps_in_single_precision() {
    on_all!(Precision::F32, |twin, _kernels| twin.check_steps());
}

#[test]
fn soft_labels_in_single_precision() {
    on_all!(Precision::F32, |twin, _kernels| twin.check_labels());
}

#[test]
fn scores_and_continuations_in_single_precision() {
    on_all!(Precision::F32, |twin, kernels| twin.check_uses(kernels.clone()));
}
