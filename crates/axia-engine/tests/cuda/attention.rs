//! Forest attention beside its CPU twin.

use super::dense::attention_bf16;
use super::twins::{TOLERANCE, close, random};
use axia_engine::forest::{AttentionPlan, Forest};
use axia_engine::kernels::cuda::Precision;
use axia_engine::kernels::{AttentionShape, CpuKernels, Kernels};
use proptest::prelude::*;

/// Largest differences of output and gradients with bf16 factors to attention that rounds alike. The
/// output's is larger, because its pass rounds `exp(score - top)` with the largest score so far as
/// `top`.
const ROUNDED: [f32; 4] = [1e-2, 5e-3, 5e-3, 5e-3];

/// Queries, keys, values and the gradient of the output, at random.
pub fn inputs(shape: &AttentionShape, plan: &AttentionPlan, keys: usize) -> [Vec<f32>; 4] {
    let queries = plan.queries().len() * shape.width();
    let lengths = [queries, keys * shape.kv_width(), keys * shape.kv_width(), queries];
    [1, 2, 3, 4].map(|seed| random(lengths[seed - 1], seed as u64))
}

/// Attention of a forest: output and gradients.
pub fn attention<K: Kernels>(
    k: &K,
    shape: &AttentionShape,
    plan: &AttentionPlan,
    inputs: &[Vec<f32>; 4],
) -> Vec<Vec<f32>> {
    let [q, v_k, v, dout] = inputs.each_ref().map(|input| k.upload(input));
    let mut out = k.upload(&[]);
    k.attention(shape, plan, [&q, &v_k, &v], &mut out);
    let [mut dq, mut dk, mut dv] = [(); 3].map(|()| k.upload(&[]));
    k.attention_backward(shape, plan, [&q, &v_k, &v], &dout, [&mut dq, &mut dk, &mut dv]);
    k.check().unwrap();
    [out, dq, dk, dv].iter().map(|x| k.download(x)).collect()
}

/// Compares the card's attention with the CPU's in single precision, and with bf16 factors with
/// attention that rounds as it does.
fn compare_attention(shape: &AttentionShape, forest: &Forest, queries: &[u32], window: usize) {
    let plan = AttentionPlan::windowed(forest.parents(), queries, window);
    let inputs = inputs(shape, &plan, forest.len());
    let exact = attention(&CpuKernels::default(), shape, &plan, &inputs);
    let rounded = attention_bf16(shape, forest, (queries, window), &inputs);
    let cases = [(Precision::F32, &exact, [TOLERANCE; 4]), (Precision::Bf16, &rounded, ROUNDED)];
    for (precision, expected, tolerances) in cases {
        on_each!(precision, |card| {
            let found = attention(&card, shape, &plan, &inputs);
            let pairs = found.iter().zip(expected).zip(tolerances);
            for (what, ((found, expected), tolerance)) in
                ["out", "dq", "dk", "dv"].iter().zip(pairs)
            {
                let what = format!("{what} of {shape:?}, window {window}, {precision}");
                close(&what, found, expected, tolerance);
            }
        });
    }
}

pub const SHAPE: AttentionShape =
    AttentionShape { heads: 4, kv_heads: 2, head_dim: 5, scale: 0.7, softcap: None };

pub fn comb(rows: u32, shared: u32, own: u32) -> Forest {
    let row = |i: u32| (0..shared).chain((0..own).map(|t| 100 + 50 * i + t)).collect();
    Forest::build(&(0..rows).map(row).collect::<Vec<Vec<u32>>>()).0
}

#[test]
fn attention_of_every_head_width() {
    let forest = comb(3, 40, 9);
    let all: Vec<u32> = (0..forest.len() as u32).collect();
    for head_dim in [1, 64, 80, 128, 130, 256] {
        let shape = AttentionShape { head_dim, scale: 0.3, heads: 2, kv_heads: 1, ..SHAPE };
        compare_attention(&shape, &forest, &all, usize::MAX);
        // Few queries, as when tokens are drawn.
        compare_attention(&shape, &forest, &[20, 66], usize::MAX);
    }
}

#[test]
fn attention_with_many_heads_per_key_head() {
    let forest = comb(2, 5, 4);
    let all: Vec<u32> = (0..forest.len() as u32).collect();
    // 71 rows of one query are two blocks' work.
    let shape = AttentionShape { heads: 71, kv_heads: 1, ..SHAPE };
    compare_attention(&shape, &forest, &all, usize::MAX);
}

#[test]
fn keys_that_many_tiles_see() {
    let forest = comb(40, 35, 3);
    let all: Vec<u32> = (0..forest.len() as u32).collect();
    compare_attention(&AttentionShape { softcap: Some(0.4), ..SHAPE }, &forest, &all, usize::MAX);
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
        let (forest, _) = Forest::build(&sequences);
        let all = 0..forest.len() as u32;
        let queries: Vec<u32> = all.filter(|&i| keep[i as usize % keep.len()]).collect();
        prop_assume!(!queries.is_empty());
        let shape = AttentionShape { heads: 2 * group, softcap, ..SHAPE };
        compare_attention(&shape, &forest, &queries, window);
    }
}
