//! However rows are packed, losses and gradients are those of the rows alone.

use crate::tiny::{
    adapter, assert_close, assert_near, completion_mut, fresh, model, models, random_rows, rows,
    run, settings, steady,
};
use axia_engine::decoder::{Activations, Decoder, TokensPerStep};
use axia_engine::kernels::{CpuKernels, LoraPair};
use axia_engine::lora::{Adapter, Gradients};
use axia_engine::train::{Batch, Optimizer, Order, StepLoss, TrainData, TrainRow, TrainSettings};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const FACTOR: f32 = 0.125;

struct Bench {
    decoder: Decoder<CpuKernels>,
    adapter: Adapter<CpuKernels>,
}

impl Bench {
    fn new() -> Self {
        Self::of(model())
    }

    fn of(decoder: Decoder<CpuKernels>) -> Self {
        let adapter = adapter(&decoder);
        Self { decoder, adapter }
    }

    /// Loss and gradients of `rows` in forests of `max_tokens`, with the `memory` of a run.
    fn gradients(
        &self,
        rows: &[&TrainRow],
        max_tokens: usize,
        memory: &mut Activations<Vec<f32>>,
    ) -> (StepLoss, Vec<Vec<f32>>) {
        let mut gradients = Gradients::zeros(self.decoder.kernels(), &self.adapter);
        let loss = Batch::new(rows, self.decoder.config(), max_tokens)
            .backward(&self.decoder, &self.adapter, FACTOR, memory, &mut gradients)
            .unwrap();
        let arrays = gradients.arrays().flatten().cloned().collect();
        (loss, arrays)
    }

    /// Sums over the rows, each computed alone.
    fn alone(&self, rows: &[TrainRow]) -> Sums {
        let mut memory = Activations::default();
        let mut each = rows.iter().map(|row| self.gradients(&[row], usize::MAX, &mut memory));
        let (first, arrays) = each.next().unwrap();
        let sizes = arrays.iter().map(|array| largest(array)).collect();
        let mut sums = Sums { loss: first.sum, arrays, sizes };
        for (more, arrays) in each {
            sums.loss += more.sum;
            for ((sum, size), array) in sums.arrays.iter_mut().zip(&mut sums.sizes).zip(arrays) {
                sum.iter_mut().zip(&array).for_each(|(sum, more)| *sum += more);
                *size += largest(&array);
            }
        }
        sums
    }
}

/// What a batch must give.
struct Sums {
    loss: f64,
    arrays: Vec<Vec<f32>>,
    /// Per array, the largest number of every row's part, added up: parts may cancel, but their
    /// rounding does not.
    sizes: Vec<f32>,
}

impl Sums {
    /// Gradients agree to 1e-5 of the largest. Those of queries and keys are small differences of
    /// larger numbers, so one array alone may be further off for its size.
    fn assert_equal(&self, found: StepLoss, arrays: &[Vec<f32>]) {
        assert_near("loss", found.sum, self.loss, 1e-5);
        assert_eq!(arrays.len(), self.arrays.len());
        let whole = largest(&self.sizes);
        for (i, (found, expected)) in arrays.iter().zip(&self.arrays).enumerate() {
            let gaps: Vec<f32> = found.iter().zip(expected).map(|(a, b)| a - b).collect();
            let (gap, size) = (largest(&gaps), self.sizes[i]);
            let bound = (1e-5 * whole).min(5e-5 * size + 1e-6 * whole);
            assert!(gap <= bound, "gradient {i} is off by {gap:e}; it is {size}, all are {whole}");
        }
    }
}

/// The adapter, `step` further along `direction`, which holds an array for each of its pairs' A and B.
fn moved(bench: &Bench, direction: &[Vec<f32>], step: f32) -> Adapter<CpuKernels> {
    let pairs = bench.adapter.pairs().iter().zip(direction.chunks(2)).map(|(pair, along)| {
        let add = |values: &Vec<f32>, along: &Vec<f32>| -> Vec<f32> {
            values.iter().zip(along).map(|(v, d)| v + step * d).collect()
        };
        let (a, b) = (add(&pair.a, &along[0]), add(&pair.b, &along[1]));
        LoraPair { a, b, rank: pair.rank, scale: pair.scale }
    });
    let places = bench.adapter.places().iter().copied();
    let sizes = bench.adapter.pairs().iter().map(|pair| [pair.a.len(), pair.b.len()]).collect();
    let blocks = bench.decoder.config().layers;
    Adapter::new(blocks, places.zip(pairs).collect(), sizes)
}

/// The largest absolute value, NaN if there is one.
fn largest(numbers: &[f32]) -> f32 {
    numbers.iter().fold(0.0, |most, v| if v.abs() <= most { most } else { v.abs() })
}

/// Distinct prefixes of the rows, less their last tokens, counted by brute force.
fn distinct_prefixes(rows: &[TrainRow]) -> usize {
    let mut prefixes = Vec::new();
    for row in rows {
        for ids in row.continuations() {
            let tokens = [&row.prompt[..], &ids[..ids.len() - 1]].concat();
            prefixes.extend((1..=tokens.len()).map(|n| tokens[..n].to_vec()));
        }
    }
    prefixes.sort();
    prefixes.dedup();
    prefixes.len()
}

#[test]
fn recomputing_blocks_changes_no_bit() {
    for decoder in models() {
        let data = TrainData { train: rows(11), validation: rows(5), ..TrainData::default() };
        for max_tokens in [TokensPerStep::Auto, TokensPerStep::AtMost(10)] {
            let trained = |recompute| {
                let settings = TrainSettings { max_tokens, recompute, ..settings() };
                let trained = run(&decoder, fresh(&decoder, 1), &data, &settings).unwrap();
                let pairs = trained.adapter.pairs().iter().flat_map(|pair| [&pair.a, &pair.b]);
                pairs.flatten().map(|x| x.to_bits()).collect::<Vec<_>>()
            };
            assert_eq!(trained(false), trained(true));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The gradients are those of the loss, by central differences along random directions in which
    /// every number's part has the same sign.
    #[test]
    fn gradients_are_differences_of_the_loss(rows in random_rows(6), seed in 0..1000u64) {
        let bench = Bench::new();
        let rows: Vec<&TrainRow> = rows.iter().collect();
        let mut memory = Activations::default();
        let (_, gradients) = bench.gradients(&rows, usize::MAX, &mut memory);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let direction: Vec<Vec<f32>> = gradients
            .iter()
            .map(|array| array.iter().map(|g| g.signum() * rng.random_range(0.0..1.0)).collect())
            .collect();
        let products = gradients.iter().flatten().zip(direction.iter().flatten());
        let slope: f64 = products.map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
        let mut loss = |step: f32| {
            let moved = moved(&bench, &direction, step);
            let batch = Batch::new(&rows, bench.decoder.config(), usize::MAX);
            batch.loss(&bench.decoder, Some(&moved), &mut memory).unwrap().sum
        };
        let step = 1e-4;
        let found = f64::from(FACTOR) * (loss(step) - loss(-step)) / (2.0 * f64::from(step));
        prop_assert!((found - slope).abs() < 2e-3 * slope + 1e-3, "{found} {slope}");
    }

    #[test]
    fn a_batch_is_the_sum_of_its_rows(rows in random_rows(12), budget in 1usize..30) {
        let bench = Bench::new();
        let sums = bench.alone(&rows);
        let batch: Vec<&TrainRow> = rows.iter().collect();
        let mut memory = Activations::default();
        // One forest, a few, and one per distinct row; the memory of one pass serves the next.
        for max_tokens in [usize::MAX, budget, 1] {
            let (found, arrays) = bench.gradients(&batch, max_tokens, &mut memory);
            sums.assert_equal(found, &arrays);
            if max_tokens == usize::MAX {
                prop_assert_eq!(found.unique_tokens, distinct_prefixes(&rows));
            }
            let packed = Batch::new(&batch, bench.decoder.config(), max_tokens);
            let adapter = Some(&bench.adapter);
            let loss = packed.loss(&bench.decoder, adapter, &mut memory).unwrap();
            assert_near("loss alone", loss.sum, sums.loss, 1e-5);
            prop_assert_eq!(loss.unique_tokens, found.unique_tokens);
        }
    }
}

#[test]
fn long_rows_cross_the_tiles_and_windows_of_attention() {
    // A trunk of 70 tokens, branches that leave it at various depths, and one row twice.
    let trunk: Vec<u32> = (0..70).map(|i| i * 37 % 300 + 3).collect();
    let row = |at: usize, leaf: u32, len: u32| {
        let completion = (0..len).map(|i| leaf + i).collect();
        TrainRow::completion(trunk[..at].to_vec(), completion, 0)
    };
    let rows = [row(70, 5, 1), row(33, 6, 40), row(16, 7, 17), row(17, 8, 3), row(33, 6, 40)];
    for bench in models().map(Bench::of) {
        let sums = bench.alone(&rows);
        let batch: Vec<&TrainRow> = rows.iter().collect();
        let (found, arrays) = bench.gradients(&batch, usize::MAX, &mut Activations::default());
        sums.assert_equal(found, &arrays);
    }
}

#[test]
fn orders_visit_the_same_rows_and_agree_on_a_full_batch() {
    let decoder = model();
    let data = TrainData { train: rows(11), ..TrainData::default() };
    let once = |order, max_tokens| {
        let settings = TrainSettings {
            batch_rows: 11,
            epochs: 1,
            order,
            max_tokens: TokensPerStep::AtMost(max_tokens),
            ..settings()
        };
        run(&decoder, fresh(&decoder, 1), &data, &settings).unwrap().history.steps[0]
    };
    let expected = once(Order::File, 4096);
    for order in [Order::Grouped, Order::Random, Order::File] {
        for max_tokens in [4096, 10, 1] {
            let found = once(order, max_tokens);
            assert_near("loss", found.loss, expected.loss, 1e-6);
            assert_near("norm", found.gradient_norm, expected.gradient_norm, 1e-5);
            assert_eq!((found.rows, found.tokens), (11, expected.tokens));
        }
    }
    // Rows of a group share prefixes; torn apart, more tokens are computed.
    let unique = |order| {
        let settings = TrainSettings { batch_rows: 3, order, ..settings() };
        let found = run(&decoder, fresh(&decoder, 1), &data, &settings).unwrap();
        let steps = found.history.steps;
        (steps.iter().map(|s| s.tokens).sum::<usize>(), steps.iter().map(|s| s.unique_tokens).sum())
    };
    let ((all, grouped), (same, random)): ((_, usize), _) =
        (unique(Order::Grouped), unique(Order::Random));
    assert_eq!(all, same, "every row is visited in every epoch");
    assert!(grouped < random, "{grouped} against {random}");
}

#[test]
fn groups_may_have_any_number() {
    let mut rows = rows(9);
    rows.iter_mut().for_each(|row| row.group = u32::MAX - row.group * 1_000_000_000);
    let order = Order::Grouped.epoch(&rows, 1, 0);
    for three in order.chunks(3) {
        assert!(three.iter().all(|&i| rows[i].group == rows[three[0]].group));
    }
}

#[test]
fn accumulation_equals_one_larger_batch() {
    let decoder = model();
    // Completions of unequal length, and a last step of five rows: the mean is over a step's
    // tokens, not over its passes.
    let mut data = TrainData { train: rows(11), ..TrainData::default() };
    data.train.iter_mut().step_by(3).for_each(|row| completion_mut(row).extend([7, 8, 9]));
    let course = |batch_rows, accumulation| {
        // An epsilon of the gradients' size keeps AdamW from blowing up their rounding.
        let optimizer = Optimizer { lr: 1e-2, eps: 1e-2, ..Optimizer::default() };
        let settings = TrainSettings { batch_rows, accumulation, optimizer, ..steady() };
        run(&decoder, fresh(&decoder, 1), &data, &settings).unwrap()
    };
    let large = course(6, 1);
    for (batch_rows, accumulation) in [(2, 3), (3, 2), (1, 6)] {
        let found = course(batch_rows, accumulation);
        assert_eq!(found.history.steps.len(), 6);
        for (a, b) in found.history.steps.iter().zip(&large.history.steps) {
            assert_near("loss", a.loss, b.loss, 1e-5);
            assert_near("norm", a.gradient_norm, b.gradient_norm, 1e-4);
            assert_eq!((a.rows, a.tokens, a.lr), (b.rows, b.tokens, b.lr));
        }
        for (a, b) in found.adapter.pairs().iter().zip(large.adapter.pairs()) {
            assert_close("a", &a.a, &b.a, 1e-4);
            assert_close("b", &a.b, &b.b, 1e-4);
        }
    }
}
