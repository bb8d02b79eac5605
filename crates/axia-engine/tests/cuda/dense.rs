//! Attention without tiles or forests, in double precision, rounding what tensor cores round.

use axia_engine::forest::{Forest, NO_PARENT};
use axia_engine::kernels::AttentionShape;
use half::bf16;

/// Output and gradients as `attention` gives them, of queries at `queries` that see the last `window`
/// nodes of their path. `[q, k, v, dout]`, probabilities and gradients of the scores are rounded to
/// bf16 before they are multiplied, and sums are exact: what is left of a difference to the device
/// is the order of its sums.
pub fn attention_bf16(
    shape: &AttentionShape,
    forest: &Forest,
    (queries, window): (&[u32], usize),
    inputs: &[Vec<f32>; 4],
) -> Vec<Vec<f32>> {
    let [q, k, v, dout] = inputs.each_ref().map(|x| x.iter().map(|&x| round(x.into())).collect());
    let [q, k, v, dout]: [Vec<f64>; 4] = [q, k, v, dout];
    let (dim, scale) = (shape.head_dim, f64::from(shape.scale));
    let [mut out, mut dq] = [(); 2].map(|()| vec![0.0; q.len()]);
    let [mut dk, mut dv] = [(); 2].map(|()| vec![0.0; k.len()]);
    let group = shape.heads / shape.kv_heads;
    for (index, &query) in queries.iter().enumerate() {
        let path: Vec<usize> = path(forest, query).take(window).collect();
        for head in 0..shape.heads {
            let own = (index * shape.heads + head) * dim;
            let own = own..own + dim;
            let of_key = |&key: &usize| (key * shape.kv_heads + head / group) * dim;
            let keys: Vec<usize> = path.iter().map(of_key).collect();
            let capped = |&at: &usize| {
                let score = scale * dot(&q[own.clone()], &k[at..at + dim]);
                shape.softcap.map_or((score, 1.0), |cap| {
                    let tanh = (score / f64::from(cap)).tanh();
                    (f64::from(cap) * tanh, 1.0 - tanh * tanh)
                })
            };
            let capped: Vec<(f64, f64)> = keys.iter().map(capped).collect();
            let top = capped.iter().map(|(score, _)| *score).fold(f64::MIN, f64::max);
            let sum: f64 = capped.iter().map(|(score, _)| (score - top).exp()).sum();
            for (&at, (score, _)) in keys.iter().zip(&capped) {
                let weight = round((score - top).exp()) / sum;
                add(&mut out[own.clone()], weight, &v[at..at + dim]);
            }
            let delta = dot(&out[own.clone()], &dout[own.clone()]);
            for (&at, (score, slope)) in keys.iter().zip(&capped) {
                let weight = (score - top).exp() / sum;
                let pull = dot(&dout[own.clone()], &v[at..at + dim]) - delta;
                let dscore = round(weight * pull * slope) * scale;
                add(&mut dq[own.clone()], dscore, &k[at..at + dim]);
                add(&mut dk[at..at + dim], dscore, &q[own.clone()]);
                add(&mut dv[at..at + dim], round(weight), &dout[own.clone()]);
            }
        }
    }
    [out, dq, dk, dv].map(|x| x.into_iter().map(|x| x as f32).collect()).into()
}

/// A node and its ancestors, from itself to the root.
fn path(forest: &Forest, node: u32) -> impl Iterator<Item = usize> + '_ {
    let parent = |node: &u32| Some(forest.parents()[*node as usize]).filter(|&p| p != NO_PARENT);
    std::iter::successors(Some(node), parent).map(|node| node as usize)
}

fn round(x: f64) -> f64 {
    bf16::from_f32(x as f32).to_f64()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, x: &[f64]) {
    to.iter_mut().zip(x).for_each(|(to, x)| *to += factor * x);
}
