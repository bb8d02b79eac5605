//! Plain text on which an adapter is held to the base: Kullback–Leibler divergence.

use crate::decoder::{Activations, Decoder, Keep};
use crate::error::EngineError;
use crate::forest::Forest;
use crate::kernels::cpu::log_sum_exp;
use crate::kernels::{Kernels, Target};
use crate::lora::{Adapter, Gradients};

/// Tokens to which the base gives less are left out; together they have next to nothing.
const NEGLIGIBLE: f32 = 1e-6;

/// The base's distributions over the next token after every token of one text but the last.
pub(super) struct LanguageAnchor {
    forest: Forest,
    /// Every node but that of the last token.
    reads: Vec<u32>,
    length: usize,
    /// The base's probabilities as weights, ascending by read and token.
    targets: Vec<Target>,
    /// `Σ p log p` over the targets.
    negative_entropy: f64,
}

impl LanguageAnchor {
    /// Has the base, without an adapter, read `text`, which has at least two tokens.
    pub fn new<K: Kernels>(
        decoder: &Decoder<K>,
        text: &[u32],
        activations: &mut Activations<K::Buffer>,
    ) -> Self {
        let fed = &text[..text.len() - 1];
        let (forest, _) = Forest::build(&[fed]);
        let reads: Vec<u32> = (0..forest.len() as u32).collect();
        let pass = decoder.pass_of_texts(&forest, &reads, text.len());
        decoder.forward(None, &pass, Keep::Nothing, activations);
        let mut targets = Vec::new();
        let mut negative_entropy = 0.0;
        for (row, logits) in
            decoder.logits(activations).chunks(decoder.config().vocab_size).enumerate()
        {
            let log_sum = log_sum_exp(logits);
            for (token, logit) in logits.iter().enumerate() {
                let log_p = logit - log_sum;
                if log_p.exp() >= NEGLIGIBLE {
                    let weight = log_p.exp();
                    targets.push(Target { row, token: token as u32, weight });
                    negative_entropy += f64::from(weight) * f64::from(log_p);
                }
            }
        }
        Self { forest, reads, length: text.len(), targets, negative_entropy }
    }

    /// Adds the gradients of `factor` times the mean divergence of a token; what [`Self::read`] reads.
    pub fn queue_backward<K: Kernels>(
        &self,
        decoder: &Decoder<K>,
        adapter: &Adapter<K>,
        (factor, keep): (f32, Keep),
        activations: &mut Activations<K::Buffer>,
        gradients: &mut Gradients<K>,
    ) -> K::Buffer {
        let pass = decoder.pass_of_texts(&self.forest, &self.reads, self.length);
        decoder.forward(Some(adapter), &pass, keep, activations);
        let scale = factor / self.reads.len() as f32;
        let scaled = |t: &Target| Target { weight: scale * t.weight, ..*t };
        let targets: Vec<Target> = self.targets.iter().map(scaled).collect();
        decoder.backward(adapter, &pass, &targets, activations, gradients)
    }

    /// The mean divergence of a token, `Σ p (log p − log q)`, in nats.
    ///
    /// # Errors
    /// [`EngineError::NonFinite`] where a log-probability is NaN or infinite.
    pub fn read<K: Kernels>(
        &self,
        decoder: &Decoder<K>,
        found: &K::Buffer,
    ) -> Result<f64, EngineError> {
        let log_q = decoder.kernels().download(found);
        let cross = self.targets.iter().zip(log_q);
        let cross: f64 = cross.map(|(t, q)| f64::from(t.weight) * f64::from(q)).sum();
        let mean = (self.negative_entropy - cross) / self.reads.len() as f64;
        if mean.is_finite() { Ok(mean) } else { Err(decoder.non_finite("the divergence")) }
    }

    /// Distinct tokens computed.
    pub fn tokens(&self) -> usize {
        self.forest.len()
    }
}
