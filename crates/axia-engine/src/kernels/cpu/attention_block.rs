//! The block that attention works in: one span of queries seen from one key/value head.

use super::activation::{cap_row, slopes};
use super::simd::{exp_in_place, max};
use super::tiles::{AddWeighted, RowTimesColumns, Rows, RowsMut, SPARE, Weights};
use crate::forest::{AttentionPlan, Span};
use crate::kernels::AttentionShape;
use rayon::prelude::*;

/// Keys or values transposed per head: `(kv_heads, head_dim, keys + SPARE)`.
pub(super) struct Transposed {
    data: Vec<f32>,
    stride: usize,
    head_dim: usize,
}

impl Transposed {
    pub(super) fn new(shape: &AttentionShape, x: &[f32]) -> Self {
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
pub(super) struct Scratch {
    pub queries: Vec<f32>,
    pub weights: Vec<f32>,
    pub out: Vec<f32>,
    pub dout: Vec<f32>,
    pub dweights: Vec<f32>,
    /// Derivatives of soft-capping; empty without.
    pub slopes: Vec<f32>,
}

/// One span seen from one key/value head: `rows = queries · group` query rows, `keys` keys.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    shape: &'a AttentionShape,
    plan: &'a AttentionPlan,
    span: &'a Span,
    /// First query row of the slices that rows are read from and written to.
    first_query: usize,
    kv_head: usize,
    pub rows: usize,
    pub keys: usize,
}

impl<'a> Block<'a> {
    pub(super) fn new(
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
    pub(super) fn gather(&self, x: &[f32], scale: f32, out: &mut Vec<f32>) {
        out.clear();
        for row in 0..self.rows {
            let x = &x[self.offset(row)..][..self.shape.head_dim];
            out.extend(x.iter().map(|v| v * scale));
        }
    }

    /// `out[row][key] = rows[row] · columns[key]` over all keys of the span.
    #[inline(always)]
    pub(super) fn scores(&self, rows: &[f32], columns: &Transposed, out: &mut Vec<f32>) {
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

    /// Soft-caps scores where the layer does.
    #[inline(always)]
    pub(super) fn cap(&self, scores: &mut [f32]) {
        if let Some(cap) = self.shape.softcap {
            cap_row(scores, cap);
        }
    }

    /// The derivative of [`Self::cap`] where it gave `scores`.
    #[inline(always)]
    pub(super) fn cap_slopes(&self, scores: &[f32], out: &mut Vec<f32>) {
        out.clear();
        if let Some(cap) = self.shape.softcap {
            out.extend(slopes(scores, cap));
        }
    }

    /// Turns scores into attention probabilities; keys that a row does not see get zero.
    #[inline(always)]
    pub(super) fn softmax(&self, scores: &mut [f32]) {
        let group = self.shape.group();
        for (row, scores) in scores.chunks_mut(self.keys).enumerate() {
            let query = self.span.queries.start + row / group;
            let range = self.plan.seen(self.span, query, self.keys);
            let (scores, after) = scores.split_at_mut(range.end);
            let (before, seen) = scores.split_at_mut(range.start);
            let largest = max(seen);
            let scale = 1.0 / exp_in_place(seen, largest);
            seen.iter_mut().for_each(|p| *p *= scale);
            before.fill(0.0);
            after.fill(0.0);
        }
    }

    /// `out[row] += Σ_key weights[row][key] · x[key]`, `x` being `(keys, kv_heads · head_dim)`.
    #[inline(always)]
    pub(super) fn mix(&self, weights: &[f32], x: &[f32], out: &mut [f32]) {
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
    pub(super) fn spread(&self, weights: &[f32], rows: &[f32], out: &mut [f32]) {
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
    pub(super) fn store(&self, rows: &[f32], scale: f32, out: &mut [f32]) {
        let dim = self.shape.head_dim;
        for (row, values) in rows.chunks(dim).enumerate() {
            let out = &mut out[self.offset(row)..][..dim];
            out.iter_mut().zip(values).for_each(|(o, v)| *o = v * scale);
        }
    }
}
