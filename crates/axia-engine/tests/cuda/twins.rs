//! Every kernel beside its CPU twin on random inputs.

use super::host_queue::{HostQueue, kernels};
use axia_engine::EngineError;
use axia_engine::config::Activation;
use axia_engine::forest::{AttentionPlan, Forest};
use axia_engine::kernels::cpu::CpuWeight;
use axia_engine::kernels::cuda::{CudaError, CudaKernels, Precision};
use axia_engine::kernels::{
    AdamW, AttentionShape, CpuKernels, Kernels, Linear, LoraPair, Parameters, RopeTable, Rotation,
    Target, Write,
};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};

/// Largest difference in single precision, relative to the largest number (or 0.1, where exact zeros
/// are expected of inputs of order 1); the mean is to be at most
/// a fifth of it.
const TOLERANCE: f32 = 2e-5;
/// The same where factors are rounded to bfloat16: 8 significant bits, so 2⁻⁸ for a factor, twice
/// that for a product; sums of many of either sign come out well below.
const ROUGH: f32 = 1e-2;

fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| rng.random_range(-1.0f32..1.0)).collect()
}

#[track_caller]
fn close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths");
    let scale = expected.iter().fold(0.1f32, |most, v| most.max(v.abs()));
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        let gap = (a - b).abs() / scale;
        assert!(gap <= tolerance, "{what}[{i}]: {a} against {b}, off by {gap:e} of {scale}");
    }
    let sum: f32 = found.iter().zip(expected).map(|(a, b)| (a - b).abs() / scale).sum();
    let mean = sum / found.len().max(1) as f32;
    assert!(mean <= tolerance / 5.0, "{what}: off by {mean:e} of {scale} in the mean");
}

/// Gives what `run` leaves in a buffer that began as `start`, on any kernels.
fn left<K: Kernels>(k: &K, start: &[f32], run: impl FnOnce(&K, &mut K::Buffer)) -> Vec<f32> {
    let mut buffer = k.upload(start);
    run(k, &mut buffer);
    k.check().unwrap();
    k.download(&buffer)
}

/// Runs `$body` with `$k` on the card's kernels and on the CPU's and compares what both leave in a
/// buffer that began as `$start`.
macro_rules! compare {
    ($what:expr, $card:expr, $tolerance:expr, $start:expr, |$k:ident, $y:ident| $body:expr) => {{
        let start: &[f32] = $start;
        let found = left($card, start, |$k, $y| $body);
        let expected = left(&CpuKernels::default(), start, |$k, $y| $body);
        close($what, &found, &expected, $tolerance);
    }};
}

#[test]
fn elementwise_kernels() {
    use Activation::{Gelu, GeluTanh, Relu, Silu};
    let Some(card) = kernels(Precision::F32) else { return };
    for len in [1, 31, 256, 1000] {
        let (x, y) = (random(len, 1), random(len, 2));
        compare!("add", &card, 0.0, &y, |k, y| k.add(&k.upload(&x), y));
        compare!("scale", &card, 0.0, &x, |k, x| k.scale(x, 1.7));
        compare!("softcap", &card, TOLERANCE, &x, |k, x| k.softcap(x, 0.3));
        compare!("zero", &card, 0.0, &x, |k, x| k.zero(x));
        compare!("copy", &card, 0.0, &[], |k, y| k.copy(&k.upload(&x), y));
        for activation in [Silu, GeluTanh, Gelu, Relu] {
            let gate: Vec<f32> = x.iter().map(|x| 8.0 * x).collect();
            compare!("gated", &card, TOLERANCE, &[], |k, out| {
                k.gated(activation, &k.upload(&gate), &k.upload(&y), out)
            });
            let dout = random(len, 3);
            compare!("gate's gradient", &card, TOLERANCE, &gate, |k, gate| {
                k.gated_backward(activation, &k.upload(&dout), gate, &mut k.upload(&y))
            });
            compare!("up's gradient", &card, TOLERANCE, &y, |k, up| {
                k.gated_backward(activation, &k.upload(&dout), &mut k.upload(&gate), up)
            });
        }
    }
}

#[test]
fn the_trial_of_a_card_passes() {
    for precision in [Precision::F32, Precision::Tf32, Precision::Bf16] {
        let Some(card) = kernels(precision) else { return };
        card.try_out().unwrap();
    }
}

#[test]
fn sums_of_squares_in_double_precision() {
    let Some(card) = kernels(Precision::F32) else { return };
    let cpu = CpuKernels::default();
    let arrays: Vec<Vec<f32>> = [3, 40_000, 256, 1].iter().map(|n| random(*n, 4)).collect();
    let on_card: Vec<_> = arrays.iter().map(|x| card.upload(x)).collect();
    let found = card.square_sums(&on_card.iter().collect::<Vec<_>>());
    let expected = cpu.square_sums(&arrays.iter().collect::<Vec<_>>());
    assert!((found - expected).abs() < 1e-12 * expected, "{found} against {expected}");
    assert_eq!(card.square_sums(&[]), 0.0);
    card.check().unwrap();
}

#[test]
fn moves_of_rows() {
    let Some(card) = kernels(Precision::F32) else { return };
    for width in [1, 33, 300] {
        let (x, out) = (random(7 * width, 1), random(9 * width, 2));
        let rows = [6, 0, 3, 3];
        compare!("gather", &card, 0.0, &[], |k, y| k.gather(&k.upload(&x), &rows, width, y));
        let rows = [8, 1, 0, 4, 5, 2, 7];
        for write in [Write::Set, Write::Add] {
            compare!("scatter", &card, 0.0, &out, |k, y| {
                k.scatter(&k.upload(&x), &rows, width, write, y)
            });
        }
        let table = card.weight_of(&x, width).unwrap();
        let found = left(&card, &[], |k, y| k.embed(&table, &[2, 6, 2], y));
        let expected = [2, 6, 2].map(|row: usize| &x[row * width..][..width]).concat();
        assert_eq!(found, expected);
    }
}

#[test]
fn norms() {
    let Some(card) = kernels(Precision::F32) else { return };
    for (rows, width) in [(1, 5), (4, 32), (3, 70), (2, 600)] {
        let (x, w, dy) = (random(rows * width, 1), random(width, 2), random(rows * width, 3));
        compare!("rms_norm", &card, TOLERANCE, &[], |k, y| {
            k.rms_norm(&k.upload(&x), &k.upload(&w), 1e-5, y)
        });
        for write in [Write::Set, Write::Add] {
            compare!("rms_norm_backward", &card, TOLERANCE, &x, |k, dx| {
                let [dy, x, w] = [&dy, &x, &w].map(|x| k.upload(x));
                k.rms_norm_backward(&dy, &x, &w, 1e-5, write, dx)
            });
        }
    }
}

#[test]
fn rotations() {
    let Some(card) = kernels(Precision::F32) else { return };
    for (half, head_dim) in [(1, 2), (3, 6), (3, 8), (32, 64)] {
        let frequencies: Vec<f64> = (0..half).map(|i| 0.7f64.powi(i)).collect();
        let table = RopeTable::new(&frequencies, 1.2, head_dim, 40);
        let x = random(4 * 3 * head_dim, 1);
        for rotation in [Rotation::Forward, Rotation::Backward] {
            compare!("rope", &card, 1e-6, &x, |k, x| {
                k.rope(x, &[0, 7, 39, 7], &table, rotation)
            });
        }
    }
}

#[test]
fn adamw_steps_on_many_tensors() {
    let Some(card) = kernels(Precision::F32) else { return };
    let settings =
        AdamW { lr: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.1, step: 3 };
    let lengths = [5, 700, 64];
    fn step<K: Kernels>(k: &K, settings: &AdamW, lengths: &[usize]) -> Vec<Vec<f32>> {
        let make = |seed: u64| -> Vec<K::Buffer> {
            lengths.iter().map(|n| k.upload(&random(*n, seed))).collect()
        };
        let (mut w, g, mut m) = (make(1), make(2), make(3));
        let mut v: Vec<K::Buffer> = (lengths.iter())
            .map(|n| k.upload(&random(*n, 4).iter().map(|v| v.abs()).collect::<Vec<_>>()))
            .collect();
        let tensors = w.iter_mut().zip(&g).zip(m.iter_mut().zip(&mut v));
        let tensors = tensors.map(|((values, gradients), (m, v))| Parameters {
            values,
            gradients,
            moments: [m, v],
        });
        k.adamw_all(settings, tensors.collect());
        k.check().unwrap();
        [w, m, v].iter().flatten().map(|x| k.download(x)).collect()
    }
    let found = step(&card, &settings, &lengths);
    let expected = step(&CpuKernels::default(), &settings, &lengths);
    for (found, expected) in found.iter().zip(&expected) {
        close("adamw", found, expected, 1e-6);
    }
}

/// What a layer with an adapter gives and what its gradients are.
fn layer<K: Kernels>(k: &K, weight: &K::Weight, merged: bool) -> Vec<Vec<f32>> {
    let (tokens, input, out, rank) = (5, 24, 19, 3);
    let (x, dy) = (k.upload(&random(tokens * input, 1)), k.upload(&random(tokens * out, 2)));
    let (a, b) = (k.upload(&random(rank * input, 3)), k.upload(&random(out * rank, 4)));
    let lora = LoraPair { a, b, rank, scale: 0.6 };
    let bias = k.upload(&random(out, 5));
    let full = Linear { weight, bias: Some(&bias), lora: Some(lora.view()) };
    let plain = Linear { lora: None, bias: None, ..full };
    if merged {
        let weight = k.merged(full);
        return vec![left(k, &[], |k, y| {
            k.linear(&x, Linear { weight: &weight, ..plain }, Write::Set, y)
        })];
    }
    let (mut da, mut db) = (k.upload(&random(rank * input, 6)), k.upload(&random(out * rank, 7)));
    k.lora_backward(&x, &dy, lora.view(), &mut da, &mut db);
    vec![
        left(k, &[], |k, y| k.linear(&x, plain, Write::Set, y)),
        left(k, &random(tokens * out, 8), |k, y| k.linear(&x, full, Write::Add, y)),
        left(k, &[], |k, dx| k.linear_backward(&dy, plain, Write::Set, dx)),
        left(k, &random(tokens * input, 9), |k, dx| k.linear_backward(&dy, full, Write::Add, dx)),
        k.download(&da),
        k.download(&db),
    ]
}

#[test]
fn linear_layers_with_adapters() {
    let data = random(19 * 24, 0);
    let cpu = CpuKernels::default();
    let twin = CpuWeight::owned(data.clone(), 24);
    for (precision, tolerance) in
        [(Precision::F32, TOLERANCE), (Precision::Tf32, TOLERANCE), (Precision::Bf16, ROUGH)]
    {
        let Some(card) = kernels(precision) else { return };
        let weight = card.weight_of(&data, 24).unwrap();
        for merged in [false, true] {
            let found = layer(&card, &weight, merged);
            for (i, expected) in layer(&cpu, &twin, merged).iter().enumerate() {
                close(&format!("{precision:?} {i}"), &found[i], expected, tolerance);
            }
        }
    }
}

#[test]
fn an_operand_that_changed_is_rounded_anew() {
    let Some(card) = kernels(Precision::Bf16) else { return };
    let weight = card.weight_of(&[1.0], 1).unwrap();
    let layer = Linear { weight: &weight, bias: None, lora: None };
    let (mut x, mut y) = (card.upload(&[1.0]), card.upload(&[]));
    for expected in [1.0, 2.0, 4.0] {
        card.linear(&x, layer, Write::Set, &mut y);
        assert_eq!(card.download(&y), [expected]);
        card.scale(&mut x, 2.0);
    }
}

#[test]
fn log_probabilities_and_their_gradient() {
    let (rows, hidden, vocab) = (4, 6, 301);
    let (x, head) = (random(rows * hidden, 1), random(vocab * hidden, 2));
    // Row 1 has two targets with one token, row 2 none.
    let target = |row, token, weight| Target { row, token, weight };
    let targets = [
        target(0, 300, 0.5),
        target(1, 3, 0.25),
        target(1, 3, 2.0),
        target(1, 7, 1.0),
        target(3, 0, 1.0),
    ];
    let cpu = CpuKernels::default();
    let twin = CpuWeight::owned(head.clone(), hidden);
    for (precision, tolerance) in [(Precision::F32, TOLERANCE), (Precision::Bf16, ROUGH)] {
        let Some(card) = kernels(precision) else { return };
        let weight = card.weight_of(&head, hidden).unwrap();
        let on_card = card.upload(&x);
        for softcap in [None, Some(0.7)] {
            let (mut dx, mut expected_dx) = (Default::default(), Vec::new());
            let found = card.log_probs(&on_card, &weight, softcap, &targets, Some(&mut dx));
            let expected = cpu.log_probs(&x, &twin, softcap, &targets, Some(&mut expected_dx));
            close("log_probs", &found, &expected, tolerance);
            close("dx", &card.download(&dx), &expected_dx, tolerance);
            let alone = card.log_probs(&on_card, &weight, softcap, &targets, None);
            assert_eq!(found, alone, "{precision:?}");
        }
        assert_eq!(card.log_probs(&on_card, &weight, None, &[], None), [0f32; 0]);
    }
}

/// Attention of a forest: output and gradients.
fn attention<K: Kernels>(
    k: &K,
    shape: &AttentionShape,
    plan: &AttentionPlan,
    keys: usize,
) -> Vec<Vec<f32>> {
    let queries = plan.queries().len() * shape.width();
    let inputs = [queries, keys * shape.kv_width(), keys * shape.kv_width(), queries];
    let [q, v_k, v, dout] =
        [1, 2, 3, 4].map(|seed| k.upload(&random(inputs[seed - 1], seed as u64)));
    let mut out = k.upload(&[]);
    k.attention(shape, plan, [&q, &v_k, &v], &mut out);
    let [mut dq, mut dk, mut dv] = [(); 3].map(|()| k.upload(&[]));
    k.attention_backward(shape, plan, [&q, &v_k, &v], &dout, [&mut dq, &mut dk, &mut dv]);
    k.check().unwrap();
    [out, dq, dk, dv].iter().map(|x| k.download(x)).collect()
}

fn compare_attention(
    card: &CudaKernels<HostQueue>,
    shape: &AttentionShape,
    forest: &Forest,
    queries: &[u32],
    window: usize,
) {
    let plan = AttentionPlan::windowed(forest.parents(), queries, window);
    let found = attention(card, shape, &plan, forest.len());
    let expected = attention(&CpuKernels::default(), shape, &plan, forest.len());
    for (what, (found, expected)) in
        ["out", "dq", "dk", "dv"].iter().zip(found.iter().zip(&expected))
    {
        close(&format!("{what} of {shape:?}, window {window}"), found, expected, TOLERANCE);
    }
}

const SHAPE: AttentionShape =
    AttentionShape { heads: 4, kv_heads: 2, head_dim: 5, scale: 0.7, softcap: None };

fn comb(rows: u32, shared: u32, own: u32) -> Forest {
    let row = |i: u32| (0..shared).chain((0..own).map(|t| 100 + 50 * i + t)).collect();
    Forest::build(&(0..rows).map(row).collect::<Vec<Vec<u32>>>()).0
}

#[test]
fn attention_of_every_head_width() {
    let Some(card) = kernels(Precision::F32) else { return };
    let forest = comb(3, 40, 9);
    let all: Vec<u32> = (0..forest.len() as u32).collect();
    for head_dim in [1, 64, 80, 128, 130, 256] {
        let shape = AttentionShape { head_dim, scale: 0.3, heads: 2, kv_heads: 1, ..SHAPE };
        compare_attention(&card, &shape, &forest, &all, usize::MAX);
        // Few queries, as when tokens are drawn.
        compare_attention(&card, &shape, &forest, &[20, 66], usize::MAX);
    }
}

#[test]
fn attention_with_many_heads_per_key_head() {
    let Some(card) = kernels(Precision::F32) else { return };
    let forest = comb(2, 5, 4);
    let all: Vec<u32> = (0..forest.len() as u32).collect();
    // 71 rows of one query are two blocks' work.
    let shape = AttentionShape { heads: 71, kv_heads: 1, ..SHAPE };
    compare_attention(&card, &shape, &forest, &all, usize::MAX);
}

#[test]
fn keys_that_many_tiles_see() {
    let Some(card) = kernels(Precision::F32) else { return };
    let forest = comb(40, 35, 3);
    let all: Vec<u32> = (0..forest.len() as u32).collect();
    compare_attention(
        &card,
        &AttentionShape { softcap: Some(0.4), ..SHAPE },
        &forest,
        &all,
        usize::MAX,
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn attention_of_any_forest(
        sequences in prop::collection::vec(prop::collection::vec(0u32..3, 1..60), 1..10),
        keep in prop::collection::vec(any::<bool>(), 97),
        window in prop_oneof![Just(usize::MAX), 1usize..45],
        softcap in prop_oneof![Just(None), Just(Some(0.4))],
        group in 1usize..4,
    ) {
        let Some(card) = kernels(Precision::F32) else { return Ok(()) };
        let (forest, _) = Forest::build(&sequences);
        let all = 0..forest.len() as u32;
        let queries: Vec<u32> = all.filter(|&i| keep[i as usize % keep.len()]).collect();
        prop_assume!(!queries.is_empty());
        let shape = AttentionShape { heads: 2 * group, softcap, ..SHAPE };
        compare_attention(&card, &shape, &forest, &queries, window);
    }
}

#[test]
fn no_kernel_depends_on_the_order_of_its_threads() {
    let run = |order| {
        let queue = HostQueue { order, ..HostQueue::default() };
        let card = CudaKernels::new(queue, Precision::Bf16);
        // Several blocks of keys, some of which are several items' work.
        let forest = comb(20, 70, 9);
        let all: Vec<u32> = (0..forest.len() as u32).collect();
        let plan = AttentionPlan::new(forest.parents(), &all);
        let shapes = [5, 100, 200].map(|head_dim| AttentionShape { head_dim, ..SHAPE });
        let mut found: Vec<Vec<f32>> = Vec::new();
        for shape in &shapes {
            found.extend(attention(&card, shape, &plan, forest.len()));
        }
        let weight = card.weight_of(&random(300 * 40, 1), 40).unwrap();
        let x = card.upload(&random(3 * 40, 2));
        let targets = [0, 1, 2].map(|row| Target { row, token: 7, weight: 1.0 });
        let mut dx = Default::default();
        found.push(card.log_probs(&x, &weight, None, &targets, Some(&mut dx)));
        found.push(card.download(&dx));
        let norm = card.upload(&random(40, 3));
        found.push(left(&card, &[], |k, y| k.rms_norm(&x, &norm, 1e-5, y)));
        found.push(left(&card, &random(120, 4), |k, dx| {
            k.rms_norm_backward(&x, &x, &norm, 1e-5, Write::Add, dx)
        }));
        found.push(vec![card.square_sum(&x) as f32]);
        found.concat().iter().map(|v| v.to_bits()).collect::<Vec<_>>()
    };
    if kernels(Precision::F32).is_some() {
        let first = run(0);
        assert_eq!(first, run(1));
        assert_eq!(first, run(2));
    }
}

#[test]
fn full_memory_is_an_error_that_stays() {
    if kernels(Precision::F32).is_none() {
        return;
    }
    let card =
        CudaKernels::new(HostQueue { limit: 4096.into(), ..HostQueue::default() }, Precision::F32);
    let mut x = card.upload(&[1.0; 512]);
    card.check().unwrap();
    card.prepare(&mut x, 2000);
    let is_full = |error: EngineError| {
        matches!(error, EngineError::Cuda(CudaError::OutOfMemory { wanted: 8000, total: 4096, .. }))
    };
    assert!(is_full(card.check().unwrap_err()));
    let y = card.upload(&[2.0]);
    assert!(card.download(&y).iter().all(|v| v.is_nan()), "nothing is computed any more");
    assert!(card.square_sum(&y).is_nan());
    assert!(is_full(card.check().unwrap_err()));
    assert!(card.weight_of(&[1.0], 1).is_err());
}

#[test]
fn what_kernels_cannot_do_is_an_error() {
    let Some(card) = kernels(Precision::F32) else { return };
    let plan = AttentionPlan::new(Forest::build(&[vec![1u32]]).0.parents(), &[0]);
    let wide = AttentionShape { heads: 1, kv_heads: 1, head_dim: 257, ..SHAPE };
    let x = card.upload(&[0.0; 257]);
    card.attention(&wide, &plan, [&x, &x, &x], &mut Default::default());
    let error = card.check().unwrap_err();
    let expected = CudaError::HeadWidth { found: 257, most: 256 };
    assert!(matches!(error, EngineError::Cuda(found) if found == expected));

    let Some(card) = kernels(Precision::F32) else { return };
    let x = card.upload(&[0.0; 4]);
    card.gather(&x, &[4], 1, &mut Default::default());
    assert!(card.check().unwrap_err().to_string().contains("number 4, but there are only 4"));
}
