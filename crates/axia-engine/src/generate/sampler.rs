//! Drawing a token from logits.

use crate::error::EngineError;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How tokens are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Divides the logits; at least 0, which takes the likeliest token.
    pub temperature: f64,
    /// Keeps the smallest set of tokens that holds this much probability (nucleus sampling,
    /// Holtzman et al. 2020); above 0, and 1 keeps all.
    pub top_p: f64,
    /// Keeps this many of the likeliest tokens; 0 keeps all.
    pub top_k: usize,
}

impl Sampling {
    /// Always the likeliest token.
    pub const GREEDY: Self = Self { temperature: 0.0, top_p: 1.0, top_k: 0 };

    /// # Errors
    /// [`EngineError::Setting`] for a temperature or `top_p` out of range.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        let wrong = |field, found: f64, wanted| EngineError::Setting {
            field,
            found: found.to_string(),
            wanted,
        };
        if !(self.temperature.is_finite() && self.temperature >= 0.0) {
            return Err(wrong("the temperature", self.temperature, "it must be at least 0"));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Err(wrong("top-p", self.top_p, "it must be above 0 and at most 1"));
        }
        Ok(())
    }
}

/// Draws tokens, one sequence's from one seed, whatever else runs beside it.
#[derive(Debug, Clone)]
pub struct Sampler {
    sampling: Sampling,
    rng: ChaCha8Rng,
}

impl Sampler {
    /// A sampler with its own random stream.
    pub fn new(sampling: Sampling, seed: u64) -> Self {
        Self { sampling, rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Draws a token id given the logits `(vocab)`. Ties of the greedy choice go to the lower id.
    pub fn draw(&mut self, logits: &[f32]) -> u32 {
        if self.sampling.temperature <= 0.0 {
            return likeliest(logits);
        }
        let mut order: Vec<u32> = (0..logits.len() as u32).collect();
        let descending =
            |a: &u32, b: &u32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
        if self.sampling.top_k > 0 && self.sampling.top_k < order.len() {
            order.select_nth_unstable_by(self.sampling.top_k - 1, descending);
            order.truncate(self.sampling.top_k);
            // The selection leaves an order that depends on how the logits lay.
            order.sort_unstable_by(descending);
        }
        let largest = order.iter().map(|&i| logits[i as usize]).fold(f32::MIN, f32::max);
        let weight =
            |i: u32| (f64::from(logits[i as usize] - largest) / self.sampling.temperature).exp();
        if self.sampling.top_p < 1.0 {
            order.sort_unstable_by(descending);
            let total: f64 = order.iter().map(|&i| weight(i)).sum();
            let mut sum = 0.0;
            let kept = order.iter().take_while(|&&i| {
                let keep = sum < self.sampling.top_p * total;
                sum += weight(i);
                keep
            });
            let kept = kept.count().max(1);
            order.truncate(kept);
        }
        let total: f64 = order.iter().map(|&i| weight(i)).sum();
        let mut left = self.rng.random::<f64>() * total;
        for &token in &order {
            left -= weight(token);
            if left < 0.0 {
                return token;
            }
        }
        // Rounding can leave a sliver beyond the last weight.
        order.last().copied().unwrap_or_default()
    }
}

fn likeliest(logits: &[f32]) -> u32 {
    let better = |best: usize, i: usize| if logits[i] > logits[best] { i } else { best };
    (0..logits.len()).reduce(better).unwrap_or_default() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frequencies(sampling: Sampling, logits: &[f32]) -> Vec<f64> {
        let mut sampler = Sampler::new(sampling, 1);
        let mut counts = vec![0.0; logits.len()];
        for _ in 0..20_000 {
            counts[sampler.draw(logits) as usize] += 1.0 / 20_000.0;
        }
        counts
    }

    #[test]
    fn greedy_takes_the_first_of_the_largest() {
        assert_eq!(Sampler::new(Sampling::GREEDY, 0).draw(&[0.5, 2.0, -1.0, 2.0]), 1);
    }

    #[test]
    fn frequencies_follow_the_tempered_softmax() {
        // At temperature 0.5 the odds are squared: 1 : 4 : 16.
        let logits = [0.0, 2f32.ln(), 4f32.ln()];
        let sampling = Sampling { temperature: 0.5, top_p: 1.0, top_k: 0 };
        for (found, expected) in frequencies(sampling, &logits).iter().zip([1.0, 4.0, 16.0]) {
            assert!((found - expected / 21.0).abs() < 0.01);
        }
    }

    #[test]
    fn top_k_and_top_p_cut_the_tail() {
        let logits = [0.0, 2f32.ln(), 4f32.ln(), -9.0];
        let top_k = frequencies(Sampling { temperature: 1.0, top_p: 1.0, top_k: 2 }, &logits);
        assert!(top_k[0] == 0.0 && top_k[3] == 0.0 && (top_k[2] - 2.0 / 3.0).abs() < 0.02);
        // 4/7 is short of 0.8; with the next token 6/7 is reached.
        let top_p = frequencies(Sampling { temperature: 1.0, top_p: 0.8, top_k: 0 }, &logits);
        assert!(top_p[0] == 0.0 && (top_p[2] - 2.0 / 3.0).abs() < 0.02);
    }

    #[test]
    fn the_same_seed_draws_the_same_tokens() {
        let logits: Vec<f32> = (0..50).map(|i| (i as f32 * 0.7).sin()).collect();
        let sampling = Sampling { temperature: 1.0, top_p: 0.9, top_k: 20 };
        let draw = |seed| {
            let mut sampler = Sampler::new(sampling, seed);
            (0..20).map(|_| sampler.draw(&logits)).collect::<Vec<_>>()
        };
        assert_eq!(draw(4), draw(4));
        assert_ne!(draw(4), draw(5));
    }
}
