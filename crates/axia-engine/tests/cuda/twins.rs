//! Every kernel beside its CPU twin on random inputs.

use super::attention::{SHAPE, attention, comb, inputs};
use super::devices;
use super::host_queue::{HostQueue, kernels};
use axia_engine::config::Activation;
use axia_engine::forest::{AttentionPlan, Forest};
use axia_engine::kernels::cpu::CpuWeight;
use axia_engine::kernels::cuda::{CudaError, CudaKernels, Precision, Queue};
use axia_engine::kernels::{
    AdamW, AttentionShape, CpuKernels, KernelError, Kernels, Linear, LoraPair, Parameters,
    RopeTable, Rotation, Target, Write,
};
use rand::{RngExt, SeedableRng};

/// Largest difference in single precision, relative to the largest number (or 0.1, where exact zeros
/// are expected of inputs of order 1); the mean is to be at most
/// a fifth of it.
pub const TOLERANCE: f32 = 2e-5;
/// The same where factors are rounded to bfloat16: 8 significant bits, so 2⁻⁸ for a factor, twice
/// that for a product; sums of many of either sign come out well below.
pub const ROUGH: f32 = 1e-2;
/// The same where a card's tensor cores round factors to 11 significant bits.
const TF32: f32 = 2e-3;

pub fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| rng.random_range(-1.0f32..1.0)).collect()
}

#[track_caller]
pub fn close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
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
    on_each!(Precision::F32, |card| {
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
    });
}

#[test]
fn the_trial_of_a_card_passes() {
    for precision in [Precision::F32, Precision::Tf32, Precision::Bf16] {
        on_each!(precision, |card| {
            card.try_out().unwrap();
        });
    }
}

#[test]
fn sums_of_squares_in_double_precision() {
    on_each!(Precision::F32, |card| {
        let cpu = CpuKernels::default();
        let arrays: Vec<Vec<f32>> = [3, 40_000, 256, 1].iter().map(|n| random(*n, 4)).collect();
        let on_card: Vec<_> = arrays.iter().map(|x| card.upload(x)).collect();
        let found = card.square_sum(&on_card.iter().collect::<Vec<_>>());
        let expected = cpu.square_sum(&arrays.iter().collect::<Vec<_>>());
        assert!((found - expected).abs() < 1e-12 * expected, "{found} against {expected}");
        assert_eq!(card.square_sum(&[]), 0.0);
        card.check().unwrap();
    });
}

#[test]
fn moves_of_rows() {
    on_each!(Precision::F32, |card| {
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
    });
}

#[test]
fn norms() {
    on_each!(Precision::F32, |card| {
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
    });
}

#[test]
fn rotations() {
    on_each!(Precision::F32, |card| {
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
    });
}

#[test]
fn adamw_steps_on_many_tensors() {
    on_each!(Precision::F32, |card| {
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
            k.adamw(settings, tensors.collect());
            k.check().unwrap();
            [w, m, v].iter().flatten().map(|x| k.download(x)).collect()
        }
        let found = step(&card, &settings, &lengths);
        let expected = step(&CpuKernels::default(), &settings, &lengths);
        for (found, expected) in found.iter().zip(&expected) {
            close("adamw", found, expected, 1e-6);
        }
    });
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

fn check_layers<Q: Queue>(card: &CudaKernels<Q>, tolerance: f32) {
    let data = random(19 * 24, 0);
    let cpu = CpuKernels::default();
    let twin = CpuWeight::owned(data.clone(), 24);
    let weight = card.weight_of(&data, 24).unwrap();
    for merged in [false, true] {
        let found = layer(card, &weight, merged);
        for (i, expected) in layer(&cpu, &twin, merged).iter().enumerate() {
            close(&format!("{} {i}", card.precision()), &found[i], expected, tolerance);
        }
    }
}

#[test]
fn linear_layers_with_adapters() {
    on_each!(Precision::F32, |card| { check_layers(&card, TOLERANCE) });
    on_each!(Precision::Bf16, |card| { check_layers(&card, ROUGH) });
    // The host's products do not round.
    if let Some(card) = kernels(Precision::Tf32) {
        check_layers(&card, TOLERANCE);
    }
    if let Some(card) = devices::card(Precision::Tf32) {
        check_layers(&card, TF32);
    }
}

#[test]
fn an_operand_that_changed_is_rounded_anew() {
    on_each!(Precision::Bf16, |card| {
        let weight = card.weight_of(&[1.0], 1).unwrap();
        let layer = Linear { weight: &weight, bias: None, lora: None };
        let (mut x, mut y) = (card.upload(&[1.0]), card.upload(&[]));
        for expected in [1.0, 2.0, 4.0] {
            card.linear(&x, layer, Write::Set, &mut y);
            assert_eq!(card.download(&y), [expected]);
            card.scale(&mut x, 2.0);
        }
    });
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
        on_each!(precision, |card| {
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
        });
    }
}

#[test]
fn no_kernel_depends_on_the_order_of_its_threads() {
    let run = |order, precision| {
        let queue = HostQueue { order, ..HostQueue::default() };
        let card = CudaKernels::new(queue, precision);
        // Several blocks of keys, some of which are several items' work.
        let forest = comb(20, 70, 9);
        let all: Vec<u32> = (0..forest.len() as u32).collect();
        let plan = AttentionPlan::new(forest.parents(), &all);
        let shapes = [5, 100, 200].map(|head_dim| AttentionShape { head_dim, ..SHAPE });
        let mut found: Vec<Vec<f32>> = Vec::new();
        for shape in &shapes {
            found.extend(attention(&card, shape, &plan, &inputs(shape, &plan, forest.len())));
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
        found.push(vec![card.square_sum(&[&x]) as f32]);
        found.concat().iter().map(|v| v.to_bits()).collect::<Vec<_>>()
    };
    for precision in [Precision::F32, Precision::Bf16] {
        if kernels(precision).is_some() {
            let first = run(0, precision);
            assert_eq!(first, run(1, precision), "{precision}");
            assert_eq!(first, run(2, precision), "{precision}");
        }
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
    let is_full = |error: KernelError| {
        matches!(error, KernelError::Cuda(CudaError::OutOfMemory { wanted: 8000, total: 4096, .. }))
    };
    assert!(is_full(card.check().unwrap_err()));
    let y = card.upload(&[2.0]);
    assert!(card.download(&y).iter().all(|v| v.is_nan()), "nothing is computed any more");
    assert!(card.square_sum(&[&y]).is_nan());
    assert!(is_full(card.check().unwrap_err()));
    assert!(card.weight_of(&[1.0], 1).is_err());
}

#[test]
fn what_kernels_cannot_do_is_an_error() {
    // An error stays, so that a card that others use as well is of no use here.
    let Some(card) = kernels(Precision::F32) else { return };
    let plan = AttentionPlan::new(Forest::build(&[vec![1u32]]).0.parents(), &[0]);
    let wide = AttentionShape { heads: 1, kv_heads: 1, head_dim: 257, ..SHAPE };
    let x = card.upload(&[0.0; 257]);
    card.attention(&wide, &plan, [&x, &x, &x], &mut Default::default());
    let error = card.check().unwrap_err();
    let expected = CudaError::HeadWidth { found: 257, most: 256 };
    assert!(matches!(error, KernelError::Cuda(found) if found == expected));

    let Some(card) = kernels(Precision::F32) else { return };
    let x = card.upload(&[0.0; 4]);
    card.gather(&x, &[4], 1, &mut Default::default());
    assert!(card.check().unwrap_err().to_string().contains("number 4, but there are only 4"));
}
