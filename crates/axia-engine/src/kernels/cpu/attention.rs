//! Forest attention: grouped-query attention over shared prefixes, forward and backward.
//!
//! Work is divided over contiguous groups of query spans. Each group writes its own rows of the
//! output and, in the backward pass, its own copy of the key and value gradients, which are added
//! up in order: results do not depend on which thread did what.

use super::attention_block::{Block, Scratch, Transposed};
use super::simd::dispatch;
use crate::forest::{AttentionPlan, Span};
use crate::kernels::AttentionShape;
use rayon::prelude::*;
use std::ops::Range;

/// `out = softmax(cap(scale · q kᵀ) + mask) v` for every query of `plan`.
///
/// `q` and `out` are `(queries, heads · head_dim)`, `k` and `v` `(keys, kv_heads · head_dim)`.
pub(crate) fn attention(
    shape: &AttentionShape,
    plan: &AttentionPlan,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    out: &mut [f32],
) {
    let keys = Transposed::new(shape, k);
    let width = shape.width();
    let groups = groups(plan, rayon::current_num_threads() * 4);
    split_rows(out, &groups, plan, width).into_par_iter().zip(&groups).for_each(|(out, spans)| {
        dispatch(
            #[inline(always)]
            || {
                let mut s = Scratch::default();
                let first = plan.spans()[spans.start].queries.start;
                for span in &plan.spans()[spans.clone()] {
                    for kv_head in 0..shape.kv_heads {
                        let block = Block::new(shape, plan, span, first, kv_head);
                        block.gather(&q[first * width..], shape.scale, &mut s.queries);
                        block.scores(&s.queries, &keys, &mut s.weights);
                        block.cap(&mut s.weights);
                        block.softmax(&mut s.weights);
                        s.out.clear();
                        s.out.resize(block.rows * shape.head_dim, 0.0);
                        block.mix(&s.weights, v, &mut s.out);
                        block.store(&s.out, 1.0, out);
                    }
                }
            },
        )
    });
}

/// Gradients of [`attention`]: `dq` is overwritten, `dk` and `dv` are overwritten too.
///
/// Probabilities are recomputed, not kept: with `P` the probabilities and `dP = dout vᵀ`,
/// `dS = P ∘ (dP − Σ_key P ∘ dP)` (times the slope of soft-capping), `dq = scale · dS k`,
/// `dk = scale · dSᵀ q`, `dv = Pᵀ dout`.
#[allow(clippy::too_many_arguments)] // three inputs and their three gradients
pub(crate) fn attention_backward(
    shape: &AttentionShape,
    plan: &AttentionPlan,
    (q, k, v): (&[f32], &[f32], &[f32]),
    dout: &[f32],
    dq: &mut [f32],
    dk: &mut [f32],
    dv: &mut [f32],
) {
    let (keys, values) = (Transposed::new(shape, k), Transposed::new(shape, v));
    let width = shape.width();
    let groups = groups(plan, rayon::current_num_threads());
    let partial: Vec<(Vec<f32>, Vec<f32>)> = split_rows(dq, &groups, plan, width)
        .into_par_iter()
        .zip(&groups)
        .map(|(dq, spans)| {
            let (mut dk, mut dv) = (vec![0f32; k.len()], vec![0f32; v.len()]);
            let mut s = Scratch::default();
            let first = plan.spans()[spans.start].queries.start;
            dispatch(
                #[inline(always)]
                || {
                    for span in &plan.spans()[spans.clone()] {
                        for kv_head in 0..shape.kv_heads {
                            let block = Block::new(shape, plan, span, first, kv_head);
                            block.gather(&q[first * width..], shape.scale, &mut s.queries);
                            block.gather(&dout[first * width..], 1.0, &mut s.dout);
                            block.scores(&s.queries, &keys, &mut s.weights);
                            block.cap(&mut s.weights);
                            block.cap_slopes(&s.weights, &mut s.slopes);
                            block.softmax(&mut s.weights);
                            block.spread(&s.weights, &s.dout, &mut dv);
                            block.scores(&s.dout, &values, &mut s.dweights);
                            score_gradients(&s.weights, &mut s.dweights, block.keys);
                            s.dweights.iter_mut().zip(&s.slopes).for_each(|(d, slope)| *d *= slope);
                            s.out.clear();
                            s.out.resize(block.rows * shape.head_dim, 0.0);
                            block.mix(&s.dweights, k, &mut s.out);
                            block.store(&s.out, shape.scale, dq);
                            // The gathered queries carry the scale already.
                            block.spread(&s.dweights, &s.queries, &mut dk);
                        }
                    }
                },
            );
            (dk, dv)
        })
        .collect();
    dk.fill(0.0);
    dv.fill(0.0);
    for (k_part, v_part) in &partial {
        super::elementwise::add(k_part, dk);
        super::elementwise::add(v_part, dv);
    }
}

/// `dweights ← weights ∘ (dweights − Σ weights ∘ dweights)`, row by row.
#[inline(always)]
fn score_gradients(weights: &[f32], dweights: &mut [f32], keys: usize) {
    for (p, dp) in weights.chunks(keys).zip(dweights.chunks_mut(keys)) {
        let mean = super::simd::dot(p, dp);
        for (dp, p) in dp.iter_mut().zip(p) {
            *dp = p * (*dp - mean);
        }
    }
}

/// Cuts the spans into at most `count` contiguous groups of about equal work.
fn groups(plan: &AttentionPlan, count: usize) -> Vec<Range<usize>> {
    let cost = |span: &Span| {
        let keys: usize = plan.keys(span).map(|r| r.len()).sum();
        (keys + 16) * span.queries.len()
    };
    let total: usize = plan.spans().iter().map(cost).sum();
    let share = total.div_ceil(count.max(1)).max(1);
    let mut groups = Vec::new();
    let (mut start, mut spent) = (0, 0);
    for (index, span) in plan.spans().iter().enumerate() {
        spent += cost(span);
        if spent >= share {
            groups.push(start..index + 1);
            (start, spent) = (index + 1, 0);
        }
    }
    if start < plan.spans().len() {
        groups.push(start..plan.spans().len());
    }
    groups
}

/// Splits a `(queries, width)` slice at the borders of `groups`.
fn split_rows<'a>(
    mut rows: &'a mut [f32],
    groups: &[Range<usize>],
    plan: &AttentionPlan,
    width: usize,
) -> Vec<&'a mut [f32]> {
    let mut parts = Vec::with_capacity(groups.len());
    for group in groups {
        let spans = &plan.spans()[group.clone()];
        let queries: usize = spans.iter().map(|s| s.queries.len()).sum();
        let (part, rest) = rows.split_at_mut(queries * width);
        parts.push(part);
        rows = rest;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_gradient, random};
    use super::*;
    use crate::forest::Forest;

    const SHAPE: AttentionShape =
        AttentionShape { heads: 4, kv_heads: 2, head_dim: 5, scale: 0.7, softcap: None };
    const CAPPED: AttentionShape = AttentionShape { softcap: Some(0.4), ..SHAPE };
    /// Windows below, at and above the length of the forest's rows, which are 19 long.
    const WINDOWS: [usize; 4] = [1, 7, 18, 19];

    fn forest() -> Forest {
        let rows: Vec<Vec<u32>> = (0..6)
            .map(|i| (0..19).map(|t| if t < 9 { t } else { t * (1 + i % 3) + i }).collect())
            .collect();
        Forest::build(&rows).0
    }

    /// The definition, in double precision, one row of ancestors at a time.
    fn plain(
        shape: &AttentionShape,
        (forest, window): (&Forest, usize),
        queries: &[u32],
        [q, k, v]: [&[f32]; 3],
    ) -> Vec<f64> {
        let (dim, group) = (shape.head_dim, shape.group());
        let cap = |score: f64| match shape.softcap.map(f64::from) {
            Some(cap) => cap * (score / cap).tanh(),
            None => score,
        };
        let mut out = Vec::new();
        for (row, &node) in queries.iter().enumerate() {
            let seen = forest.tail(node, window);
            for head in 0..shape.heads {
                let at = |key: u32| key as usize * shape.kv_width() + head / group * dim;
                let scores: Vec<f64> = seen
                    .iter()
                    .map(|&j| {
                        let q = &q[row * shape.width() + head * dim..][..dim];
                        let k = &k[at(j)..][..dim];
                        let dot: f64 = q.iter().zip(k).map(|(&a, &b)| a as f64 * b as f64).sum();
                        cap(dot * shape.scale as f64)
                    })
                    .collect();
                let sum: f64 = scores.iter().map(|s| s.exp()).sum();
                for d in 0..dim {
                    let mix = seen.iter().zip(&scores);
                    out.push(mix.map(|(&j, s)| s.exp() / sum * v[at(j) + d] as f64).sum());
                }
            }
        }
        out
    }

    fn inputs(forest: &Forest, queries: usize) -> [Vec<f32>; 3] {
        let keys = forest.len() * SHAPE.kv_width();
        [random(queries * SHAPE.width(), 1), random(keys, 2), random(keys, 3)]
    }

    fn check_forward(shape: &AttentionShape, queries: &[u32], window: usize) {
        let forest = forest();
        let [q, k, v] = inputs(&forest, queries.len());
        let plan = AttentionPlan::windowed(forest.parents(), queries, window);
        let mut out = vec![0.0; q.len()];
        attention(shape, &plan, &q, &k, &v, &mut out);
        let expected = plain(shape, (&forest, window), queries, [&q, &k, &v]);
        for (a, b) in out.iter().zip(expected) {
            assert!((*a as f64 - b).abs() < 1e-5, "window {window}: {a} against {b}");
        }
    }

    fn check_backward(shape: &AttentionShape, window: usize) {
        let forest = forest();
        let queries: Vec<u32> = (0..forest.len() as u32).filter(|i| i % 2 == 0).collect();
        let [q, k, v] = inputs(&forest, queries.len());
        let plan = AttentionPlan::windowed(forest.parents(), &queries, window);
        let dout = random(q.len(), 4);
        let (mut dq, mut dk, mut dv) = (q.clone(), k.clone(), v.clone());
        attention_backward(shape, &plan, (&q, &k, &v), &dout, &mut dq, &mut dk, &mut dv);
        let loss = |q: &[f32], k: &[f32], v: &[f32]| {
            let out = plain(shape, (&forest, window), &queries, [q, k, v]);
            out.iter().zip(&dout).map(|(&y, &d)| y * d as f64).sum()
        };
        check_gradient(&q, &dq, |q| loss(q, &k, &v));
        check_gradient(&k, &dk, |k| loss(&q, k, &v));
        check_gradient(&v, &dv, |v| loss(&q, &k, v));
    }

    #[test]
    fn equals_the_definition_for_all_queries_and_for_some() {
        let all: Vec<u32> = (0..forest().len() as u32).collect();
        let some: Vec<u32> = all.iter().copied().filter(|i| i % 3 == 1).collect();
        for queries in [all, some] {
            check_forward(&SHAPE, &queries, usize::MAX);
            check_forward(&CAPPED, &queries, usize::MAX);
            WINDOWS.iter().for_each(|window| check_forward(&SHAPE, &queries, *window));
        }
    }

    #[test]
    fn backward_matches_finite_differences() {
        check_backward(&SHAPE, usize::MAX);
    }

    #[test]
    fn backward_through_windows_matches_finite_differences() {
        check_backward(&SHAPE, 7);
    }

    #[test]
    fn backward_through_soft_capping_matches_finite_differences() {
        check_backward(&CAPPED, usize::MAX);
    }
}
