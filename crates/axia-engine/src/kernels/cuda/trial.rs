//! A trial of a card before anything rests on it.

use super::error::CudaError;
use super::kernels::CudaKernels;
use super::queue::Queue;
use crate::config::Activation;
use crate::forest::{AttentionPlan, Forest};
use crate::kernels::cpu::CpuWeight;
use crate::kernels::{
    AdamW, AttentionShape, CpuKernels, Kernels, Linear, LoraPair, Parameters, RopeTable, Rotation,
    Target, Write,
};

/// By how much of the largest number a card may differ: bfloat16 keeps 8 bits of a factor, and a
/// wrong result is off by much more.
const TOLERANCE: f32 = 2e-2;
/// Rows and columns of the matrix that is tried.
const SHAPE: [usize; 2] = [64, 32];
/// Rank of the adapter that is tried.
const RANK: usize = 8;
/// Tokens that are tried: the nodes of the forest.
const TOKENS: usize = 40;

impl<Q: Queue> CudaKernels<Q> {
    /// Computes a little of all that a training step is made of, forward and backward, and compares it
    /// with the CPU's.
    ///
    /// # Errors
    /// [`CudaError::Wrong`] where they differ, or whatever keeps them from being computed.
    pub fn try_out(&self) -> Result<(), CudaError> {
        let [rows, columns] = SHAPE;
        let matrix = numbers(rows * columns, 1);
        let weight = self.weight_of(&matrix, columns)?;
        let found = results(self, &weight);
        if let Some(error) = self.failure() {
            return Err(error);
        }
        let expected = results(&CpuKernels::default(), &CpuWeight::owned(matrix, columns));
        let mut pairs = found.iter().zip(&expected);
        pairs.try_for_each(|((what, found), (_, expected))| compare(what, found, expected))
    }
}

/// What kernels make of the same numbers.
fn results<K: Kernels>(k: &K, weight: &K::Weight) -> Vec<(&'static str, Vec<f32>)> {
    let [rows, columns] = SHAPE;
    let layer = Linear { weight, bias: None, lora: None };
    let x = k.upload(&numbers(TOKENS * columns, 2));
    let [mut y, mut dx, mut norm] = [(); 3].map(|()| K::Buffer::default());
    k.linear(&x, layer, Write::Set, &mut y);
    k.linear_backward(&y, layer, Write::Set, &mut dx);
    k.rms_norm(&y, &k.upload(&numbers(rows, 3)), 1e-5, &mut norm);

    let mut found: Vec<(&str, Vec<f32>)> =
        [("a matrix product", &y), ("a gradient through a matrix", &dx), ("a norm", &norm)]
            .map(|(what, buffer)| (what, k.download(buffer)))
            .to_vec();
    found.extend(with_adapter(k, weight, &x, &y));
    found.extend(of_elements(k));
    found.extend(loss(k, weight, &x));
    // A width for each set of attention kernels.
    [32, 128, 256].into_iter().for_each(|head_dim| found.extend(attention(k, head_dim)));
    found
}

/// A layer with a low-rank update, its gradients, and a step on them.
fn with_adapter<K: Kernels>(
    k: &K,
    weight: &K::Weight,
    x: &K::Buffer,
    dy: &K::Buffer,
) -> Vec<(&'static str, Vec<f32>)> {
    let [rows, columns] = SHAPE;
    let upload = |len, seed| k.upload(&numbers(len, seed));
    let (a, b) = (upload(RANK * columns, 8), upload(rows * RANK, 9));
    let mut pair = LoraPair { a, b, rank: RANK, scale: 0.5 };
    let layer = Linear { weight, bias: None, lora: Some(pair.view()) };
    let [mut y, mut dx] = [(); 2].map(|()| K::Buffer::default());
    let [mut da, mut db] = [RANK * columns, rows * RANK].map(|len| k.zeros(len));
    k.linear(x, layer, Write::Set, &mut y);
    k.lora_backward(x, dy, pair.view(), &mut da, &mut db);
    k.linear_backward(dy, layer, Write::Set, &mut dx);
    let norm = k.square_sum(&[&da, &db]).sqrt() as f32;
    let found = [
        ("a layer with an adapter", &y),
        ("gradients of an adapter's A", &da),
        ("gradients of an adapter's B", &db),
        ("a gradient through an adapter", &dx),
    ];
    let mut found = found.map(|(what, buffer)| (what, k.download(buffer))).to_vec();
    // The same gradients on both sides: steps go by their signs where moments are new.
    let gradients = upload(RANK * columns, 10);
    let mut moments = [(); 2].map(|()| k.zeros(RANK * columns));
    let [first, second] = &mut moments;
    let step = Parameters { values: &mut pair.a, gradients: &gradients, moments: [first, second] };
    let (lr, beta1, beta2, eps, weight_decay) = (0.1, 0.9, 0.999, 1e-8, 0.01);
    k.adamw(&AdamW { lr, beta1, beta2, eps, weight_decay, step: 1 }, vec![step]);
    found.extend([("a step", k.download(&pair.a)), ("a sum of squares", vec![norm])]);
    found
}

/// Kernels that go through arrays number by number.
fn of_elements<K: Kernels>(k: &K) -> Vec<(&'static str, Vec<f32>)> {
    let len = TOKENS * SHAPE[1];
    let [mut gate, mut up, dout] = [11, 12, 13].map(|seed| k.upload(&numbers(len, seed)));
    let mut out = K::Buffer::default();
    k.gated(Activation::Silu, &gate, &up, &mut out);
    k.gated_backward(Activation::Silu, &dout, &mut gate, &mut up);
    let frequencies: Vec<f64> = (0..SHAPE[1] / 2).map(|i| 0.5f64.powi(i as i32)).collect();
    let table = RopeTable::new(&frequencies, 1.0, SHAPE[1], TOKENS);
    let mut turned = k.upload(&numbers(len, 14));
    let positions: Vec<u32> = (0..TOKENS as u32).rev().collect();
    k.rope(&mut turned, &positions, &table, Rotation::Forward);
    [
        ("a gated product", &out),
        ("gradients of a gate", &gate),
        ("gradients of what is gated", &up),
        ("a rotation", &turned),
    ]
    .map(|(what, buffer)| (what, k.download(buffer)))
    .to_vec()
}

/// Log-probabilities and their gradient.
fn loss<K: Kernels>(k: &K, head: &K::Weight, x: &K::Buffer) -> Vec<(&'static str, Vec<f32>)> {
    let targets: Vec<Target> = (0..TOKENS)
        .map(|row| Target { row, token: (row * 7 % SHAPE[0]) as u32, weight: 0.5 })
        .collect();
    let mut dx = K::Buffer::default();
    let found = k.log_probs(x, head, None, &targets, Some(&mut dx));
    vec![("log-probabilities", found), ("a gradient of the loss", k.download(&dx))]
}

/// What attention and its backward pass make of heads of a width.
fn attention<K: Kernels>(k: &K, head_dim: usize) -> Vec<(&'static str, Vec<f32>)> {
    let heads = AttentionShape { heads: 2, kv_heads: 1, head_dim, scale: 0.2, softcap: None };
    // Two sequences that share their first 20 tokens.
    let (forest, _) =
        Forest::build(&[(0..25).collect(), (0..20).chain(100..115).collect::<Vec<u32>>()]);
    let queries: Vec<u32> = (0..forest.len() as u32).collect();
    let plan = AttentionPlan::new(forest.parents(), &queries);
    let [q, dout] = [4, 5].map(|seed| k.upload(&numbers(TOKENS * heads.width(), seed)));
    let [keys, values] = [6, 7].map(|seed| k.upload(&numbers(TOKENS * heads.kv_width(), seed)));
    let [mut out, mut dq, mut dk, mut dv] = [(); 4].map(|()| K::Buffer::default());
    k.attention(&heads, &plan, [&q, &keys, &values], &mut out);
    let gradients = [&mut dq, &mut dk, &mut dv];
    k.attention_backward(&heads, &plan, [&q, &keys, &values], &dout, gradients);
    [
        ("attention", &out),
        ("gradients of queries", &dq),
        ("gradients of keys", &dk),
        ("gradients of values", &dv),
    ]
    .map(|(what, buffer)| (what, k.download(buffer)))
    .to_vec()
}

/// Numbers between -1 and 1 without a pattern that a mistake could hide in: the fractional parts of
/// multiples of an irrational number.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let start = f64::from(seed) * std::f64::consts::SQRT_2;
    let step = std::f64::consts::PI;
    (0..count).map(|i| ((start + i as f64 * step).fract() * 2.0 - 1.0) as f32).collect()
}

fn compare(what: &'static str, found: &[f32], expected: &[f32]) -> Result<(), CudaError> {
    let largest = expected.iter().fold(0f32, |most, x| most.max(x.abs()));
    let wrong = |(found, expected): &(&f32, &f32)| {
        // Not a number is wrong too.
        (**found - **expected).abs().partial_cmp(&(TOLERANCE * largest))
            != Some(std::cmp::Ordering::Less)
    };
    match found.iter().zip(expected).find(wrong) {
        Some((&found, &expected)) => Err(CudaError::Wrong { what, found, expected }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_found() {
        let right = [1.0, -2.0, 0.5];
        assert!(compare("x", &[1.01, -2.0, 0.49], &right).is_ok());
        for wrong in [[1.0, -2.0, 0.55], [1.0, f32::NAN, 0.5], [-1.0, -2.0, 0.5]] {
            let error = compare("a norm", &wrong, &right).unwrap_err().to_string();
            assert!(error.contains("a norm") && error.contains("--device cpu"), "{error}");
        }
    }

    #[test]
    fn the_numbers_have_no_period() {
        let all = numbers(1000, 1);
        let mean = all.iter().sum::<f32>() / 1000.0;
        assert!(mean.abs() < 0.1 && all.iter().all(|x| x.abs() <= 1.0), "{mean}");
        let mut sorted = all;
        sorted.sort_by(f32::total_cmp);
        sorted.dedup();
        assert!(sorted.len() > 990);
    }
}
