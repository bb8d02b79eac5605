//! Forest attention: grouped-query attention over shared prefixes, forward and backward.
//!
//! Work is divided over contiguous groups of query spans. Each group writes its own rows of the
//! output and, in the backward pass, its own copy of the key and value gradients, which are added
//! up in order: results do not depend on which thread did what.

use super::simd::{dispatch, exp_in_place, max};
use super::tiles::{AddWeighted, RowTimesColumns, Rows, RowsMut, SPARE, Weights};
use crate::forest::{AttentionPlan, Span};
use crate::kernels::AttentionShape;
use rayon::prelude::*;
use std::ops::Range;

/// Keys or values transposed per head: `(kv_heads, head_dim, keys + SPARE)`.
struct Transposed {
    data: Vec<f32>,
    stride: usize,
    head_dim: usize,
}

impl Transposed {
    fn new(shape: &AttentionShape, x: &[f32]) -> Self {
        let (dim, width) = (shape.head_dim, shape.kv_width());
        let keys = x.len() / width;
        let stride = keys + SPARE;
        let mut data = vec![0f32; width * stride];
        data.par_chunks_mut(stride).enumerate().with_min_len(8).for_each(|(column, out)| {
            for (key, out) in out[..keys].iter_mut().enumerate() {
                *out = x[key * width + column];
            }
        });
        Self { data, stride, head_dim: dim }
    }

    fn columns(&self, kv_head: usize, from_key: usize) -> Rows<'_> {
        let at = kv_head * self.head_dim * self.stride + from_key;
        Rows { data: &self.data[at..], stride: self.stride }
    }
}

/// Scratch of one task: the query rows of one span and key/value head, and their score block.
#[derive(Default)]
struct Scratch {
    queries: Vec<f32>,
    weights: Vec<f32>,
    out: Vec<f32>,
    dout: Vec<f32>,
    dweights: Vec<f32>,
}

/// One span seen from one key/value head: `rows = queries · group` query rows, `keys` keys.
#[derive(Clone, Copy)]
struct Block<'a> {
    shape: &'a AttentionShape,
    plan: &'a AttentionPlan,
    span: &'a Span,
    /// First query row of the slices that rows are read from and written to.
    first_query: usize,
    kv_head: usize,
    rows: usize,
    keys: usize,
}

impl<'a> Block<'a> {
    fn new(
        shape: &'a AttentionShape,
        plan: &'a AttentionPlan,
        span: &'a Span,
        first_query: usize,
        kv_head: usize,
    ) -> Self {
        let rows = span.queries.len() * shape.group();
        let keys = plan.keys(span).map(|r| r.len()).sum();
        Self { shape, plan, span, first_query, kv_head, rows, keys }
    }

    /// Where row `r` of the block (query-major, heads of the group within) begins in a
    /// `(queries, heads · head_dim)` slice.
    #[inline(always)]
    fn offset(&self, row: usize) -> usize {
        let (group, dim) = (self.shape.group(), self.shape.head_dim);
        let query = self.span.queries.start - self.first_query + row / group;
        (query * self.shape.heads + self.kv_head * group + row % group) * dim
    }

    /// Copies the block's rows out of `x`, times `scale`.
    #[inline(always)]
    fn gather(&self, x: &[f32], scale: f32, out: &mut Vec<f32>) {
        out.clear();
        for row in 0..self.rows {
            let x = &x[self.offset(row)..][..self.shape.head_dim];
            out.extend(x.iter().map(|v| v * scale));
        }
    }

    /// `out[row][key] = rows[row] · columns[key]` over all keys of the span.
    #[inline(always)]
    fn scores(&self, rows: &[f32], columns: &Transposed, out: &mut Vec<f32>) {
        out.resize(self.rows * self.keys, 0.0);
        let dim = self.shape.head_dim;
        let mut at = 0;
        for run in self.plan.keys(self.span) {
            RowTimesColumns {
                rows: Rows { data: rows, stride: dim },
                count: self.rows,
                dim,
                columns: columns.columns(self.kv_head, run.start),
                keys: run.len(),
                out: RowsMut { data: &mut out[at..], stride: self.keys },
            }
            .run();
            at += run.len();
        }
    }

    /// Turns scores into attention probabilities; keys that a row does not see get zero.
    #[inline(always)]
    fn softmax(&self, scores: &mut [f32]) {
        let group = self.shape.group();
        for (row, scores) in scores.chunks_mut(self.keys).enumerate() {
            let query = self.span.queries.start + row / group;
            let (seen, unseen) =
                scores.split_at_mut(self.plan.visible(self.span, query, self.keys));
            let largest = max(seen);
            let scale = 1.0 / exp_in_place(seen, largest);
            seen.iter_mut().for_each(|p| *p *= scale);
            unseen.fill(0.0);
        }
    }

    /// `out[row] += Σ_key weights[row][key] · x[key]`, `x` being `(keys, kv_heads · head_dim)`.
    #[inline(always)]
    fn mix(&self, weights: &[f32], x: &[f32], out: &mut [f32]) {
        let (dim, width) = (self.shape.head_dim, self.shape.kv_width());
        let mut at = 0;
        for run in self.plan.keys(self.span) {
            let x = &x[run.start * width + self.kv_head * dim..];
            AddWeighted {
                weights: Weights { data: &weights[at..], row: self.keys, term: 1 },
                count: self.rows,
                terms: Rows { data: x, stride: width },
                term_count: run.len(),
                dim,
                out: RowsMut { data: out, stride: dim },
            }
            .run();
            at += run.len();
        }
    }

    /// `out[key] += Σ_row weights[row][key] · rows[row]`: the transpose of [`Self::mix`].
    #[inline(always)]
    fn spread(&self, weights: &[f32], rows: &[f32], out: &mut [f32]) {
        let (dim, width) = (self.shape.head_dim, self.shape.kv_width());
        let mut at = 0;
        for run in self.plan.keys(self.span) {
            AddWeighted {
                weights: Weights { data: &weights[at..], row: 1, term: self.keys },
                count: run.len(),
                terms: Rows { data: rows, stride: dim },
                term_count: self.rows,
                dim,
                out: RowsMut {
                    data: &mut out[run.start * width + self.kv_head * dim..],
                    stride: width,
                },
            }
            .run();
            at += run.len();
        }
    }

    #[inline(always)]
    fn store(&self, rows: &[f32], scale: f32, out: &mut [f32]) {
        let dim = self.shape.head_dim;
        for (row, values) in rows.chunks(dim).enumerate() {
            let out = &mut out[self.offset(row)..][..dim];
            out.iter_mut().zip(values).for_each(|(o, v)| *o = v * scale);
        }
    }
}

/// `out = softmax(scale · q kᵀ + mask) v` for every query of `plan`.
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
/// `dS = P ∘ (dP − Σ_key P ∘ dP)`, `dq = scale · dS k`, `dk = scale · dSᵀ q`, `dv = Pᵀ dout`.
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
                            block.softmax(&mut s.weights);
                            block.spread(&s.weights, &s.dout, &mut dv);
                            block.scores(&s.dout, &values, &mut s.dweights);
                            score_gradients(&s.weights, &mut s.dweights, block.keys);
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

    const SHAPE: AttentionShape = AttentionShape { heads: 4, kv_heads: 2, head_dim: 5, scale: 0.7 };

    fn forest() -> Forest {
        let rows: Vec<Vec<u32>> = (0..6)
            .map(|i| (0..19).map(|t| if t < 9 { t } else { t * (1 + i % 3) + i }).collect())
            .collect();
        Forest::build(&rows).0
    }

    /// The definition, in double precision, one row of ancestors at a time.
    fn plain(forest: &Forest, queries: &[u32], q: &[f32], k: &[f32], v: &[f32]) -> Vec<f64> {
        let (dim, group) = (SHAPE.head_dim, SHAPE.group());
        let mut out = Vec::new();
        for (row, &node) in queries.iter().enumerate() {
            let ancestors = forest.tail(node, usize::MAX);
            for head in 0..SHAPE.heads {
                let at = |key: u32| key as usize * SHAPE.kv_width() + head / group * dim;
                let scores: Vec<f64> = ancestors
                    .iter()
                    .map(|&j| {
                        let q = &q[row * SHAPE.width() + head * dim..][..dim];
                        let k = &k[at(j)..][..dim];
                        q.iter().zip(k).map(|(&a, &b)| a as f64 * b as f64).sum::<f64>()
                            * 0.7f32 as f64
                    })
                    .collect();
                let sum: f64 = scores.iter().map(|s| s.exp()).sum();
                for d in 0..dim {
                    let mix = ancestors.iter().zip(&scores);
                    out.push(mix.map(|(&j, s)| s.exp() / sum * v[at(j) + d] as f64).sum());
                }
            }
        }
        out
    }

    fn inputs(forest: &Forest, queries: usize) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let keys = forest.len() * SHAPE.kv_width();
        (random(queries * SHAPE.width(), 1), random(keys, 2), random(keys, 3))
    }

    #[test]
    fn equals_the_definition_for_all_queries_and_for_some() {
        let forest = forest();
        let all: Vec<u32> = (0..forest.len() as u32).collect();
        let some: Vec<u32> = all.iter().copied().filter(|i| i % 3 == 1).collect();
        for queries in [all, some] {
            let (q, k, v) = inputs(&forest, queries.len());
            let plan = AttentionPlan::new(forest.parents(), &queries);
            let mut out = vec![0.0; q.len()];
            attention(&SHAPE, &plan, &q, &k, &v, &mut out);
            for (a, b) in out.iter().zip(plain(&forest, &queries, &q, &k, &v)) {
                assert!((*a as f64 - b).abs() < 1e-5, "{a} against {b}");
            }
        }
    }

    #[test]
    fn backward_matches_finite_differences() {
        let forest = forest();
        let queries: Vec<u32> = (0..forest.len() as u32).filter(|i| i % 2 == 0).collect();
        let (q, k, v) = inputs(&forest, queries.len());
        let plan = AttentionPlan::new(forest.parents(), &queries);
        let dout = random(q.len(), 4);
        let (mut dq, mut dk, mut dv) = (q.clone(), k.clone(), v.clone());
        attention_backward(&SHAPE, &plan, (&q, &k, &v), &dout, &mut dq, &mut dk, &mut dv);
        let loss = |q: &[f32], k: &[f32], v: &[f32]| {
            let out = plain(&forest, &queries, q, k, v);
            out.iter().zip(&dout).map(|(&y, &d)| y * d as f64).sum()
        };
        check_gradient(&q, &dq, |q| loss(q, &k, &v));
        check_gradient(&k, &dk, |k| loss(&q, k, &v));
        check_gradient(&v, &dv, |v| loss(&q, &k, v));
    }
}
