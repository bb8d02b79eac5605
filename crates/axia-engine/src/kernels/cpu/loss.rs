//! Log-probabilities of chosen tokens, and the gradient of their weighted sum.

use super::activation::{cap_row, slopes};
use super::gemm::{Mat, MatMut, gemm};
use super::linear::CpuWeight;
use super::simd::{dispatch, max, sum_exp};
use crate::kernels::Target;
use rayon::prelude::*;

/// Logits held at a time (48 MB); rows beyond are computed in further rounds.
const LOGITS: usize = 12 << 20;

/// What turns hidden states into logits.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    /// `(vocab, hidden)`
    pub weight: &'a CpuWeight,
    /// Logits `l` become `cap · tanh(l / cap)`.
    pub softcap: Option<f32>,
}

/// See [`crate::kernels::Kernels::log_probs`].
pub(super) fn log_probs(
    x: &[f32],
    Head { weight: head, softcap }: Head,
    targets: &[Target],
    mut dx: Option<&mut [f32]>,
    scratch: &mut Vec<f32>,
    logits: &mut Vec<f32>,
) -> Vec<f32> {
    let (vocab, hidden) = (head.rows(), head.columns());
    let rows = x.len() / hidden;
    let step = (LOGITS / vocab.max(1)).max(1);
    let mut found = Vec::with_capacity(targets.len());
    let mut rest = targets;
    for from in (0..rows).step_by(step) {
        let count = step.min(rows - from);
        let (here, later) = rest.split_at(rest.partition_point(|t| t.row < from + count));
        rest = later;
        if logits.len() < count * vocab {
            logits.resize(count * vocab, 0.0);
        }
        let logits = &mut logits[..count * vocab];
        let x = Mat::new(&x[from * hidden..(from + count) * hidden], count, hidden);
        head.for_each_block(None, count, scratch, |range, block| {
            let w = Mat::new(block, range.len(), hidden);
            let out = MatMut::strided(&mut logits[range.start..], count, range.len(), vocab);
            gemm(1.0, x, w.t(), false, out);
        });
        found.extend(read_rows(logits, (vocab, softcap), from, here, dx.is_some()));
        if let Some(dx) = dx.as_deref_mut() {
            let dx = &mut dx[from * hidden..(from + count) * hidden];
            head.for_each_block(None, count, scratch, |range, block| {
                let w = Mat::new(block, range.len(), hidden);
                let dlogits = Mat::strided(&logits[range.start..], count, range.len(), vocab);
                let add = range.start > 0;
                gemm(1.0, dlogits, w, add, MatMut::new(&mut *dx, count, hidden));
            });
        }
    }
    found
}

/// Reads the targets off the logit rows; with `gradient`, turns each row into the gradient
/// `Σ weight · (softmax − onehot(token))`.
fn read_rows(
    logits: &mut [f32],
    (vocab, softcap): (usize, Option<f32>),
    from: usize,
    targets: &[Target],
    gradient: bool,
) -> Vec<f32> {
    let per_row: Vec<Vec<f32>> = logits
        .par_chunks_mut(vocab)
        .enumerate()
        .map(|(i, row)| {
            let start = targets.partition_point(|t| t.row < from + i);
            let end = targets.partition_point(|t| t.row <= from + i);
            dispatch(
                #[inline(always)]
                || read_row(row, softcap, &targets[start..end], gradient),
            )
        })
        .collect();
    per_row.concat()
}

#[inline(always)]
fn read_row(row: &mut [f32], softcap: Option<f32>, targets: &[Target], gradient: bool) -> Vec<f32> {
    if let Some(cap) = softcap {
        cap_row(row, cap);
    }
    let log_sum = log_sum(row);
    let found = targets.iter().map(|t| row[t.token as usize] - log_sum).collect();
    if gradient {
        let slopes: Option<Vec<f32>> = softcap.map(|cap| slopes(row, cap));
        let weight: f32 = targets.iter().map(|t| t.weight).sum();
        for v in row.iter_mut() {
            *v = weight * super::simd::exp(*v - log_sum);
        }
        for t in targets {
            row[t.token as usize] -= t.weight;
        }
        if let Some(slopes) = slopes {
            row.iter_mut().zip(slopes).for_each(|(v, slope)| *v *= slope);
        }
    }
    found
}

#[inline(always)]
fn log_sum(row: &[f32]) -> f32 {
    let largest = max(row);
    largest + sum_exp(row, largest).ln()
}

/// `ln Σ exp(logit)`, by which a logit falls short of being a log-probability.
pub(crate) fn log_sum_exp(logits: &[f32]) -> f32 {
    dispatch(
        #[inline(always)]
        || log_sum(logits),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_gradient, random};
    use super::*;

    fn plain(
        x: &[f32],
        head: &[f32],
        hidden: usize,
        softcap: Option<f32>,
        targets: &[Target],
    ) -> Vec<f64> {
        let cap = |logit: f64| match softcap.map(f64::from) {
            Some(cap) => cap * (logit / cap).tanh(),
            None => logit,
        };
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        targets
            .iter()
            .map(|t| {
                let x = &x[t.row * hidden..][..hidden];
                let logits: Vec<f64> = head.chunks(hidden).map(|w| cap(dot(x, w))).collect();
                let sum: f64 = logits.iter().map(|l| l.exp()).sum();
                logits[t.token as usize] - sum.ln()
            })
            .collect()
    }

    #[test]
    fn values_and_gradient_match_the_definition() {
        let (rows, hidden, vocab) = (3, 4, 21);
        let (x, head) = (random(rows * hidden, 1), random(vocab * hidden, 2));
        // Row 1 has two targets, row 2 none.
        let targets = [
            Target { row: 0, token: 20, weight: 0.5 },
            Target { row: 1, token: 3, weight: 0.25 },
            Target { row: 1, token: 7, weight: 2.0 },
        ];
        let weight = CpuWeight::owned(head.clone(), hidden);
        for softcap in [None, Some(0.7)] {
            let output = Head { weight: &weight, softcap };
            let mut dx = vec![9.0; x.len()];
            let (mut s, mut l) = (Vec::new(), Vec::new());
            let found = log_probs(&x, output, &targets, Some(&mut dx), &mut s, &mut l);
            for (a, b) in found.iter().zip(plain(&x, &head, hidden, softcap, &targets)) {
                assert!((f64::from(*a) - b).abs() < 1e-5);
            }
            check_gradient(&x, &dx, |x| {
                let p = plain(x, &head, hidden, softcap, &targets);
                targets.iter().zip(p).map(|(t, p)| -f64::from(t.weight) * p).sum()
            });
            assert_eq!(found, log_probs(&x, output, &targets, None, &mut s, &mut l));
        }
    }
}
