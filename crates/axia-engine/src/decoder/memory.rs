//! How much memory passes take, so that their size can be chosen before they are made.

use super::Decoder;
use super::forward::Keep;
use crate::config::ModelConfig;
use crate::error::EngineError;
use crate::kernels::Kernels;
use crate::kernels::cuda::{CudaError, SLOT_NUMBERS_PER_KEY};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Bytes of a number.
const F32: u64 = 4;
/// Bytes of a logit and its rounded gradient.
const LOGIT: u64 = 6;
/// Bytes that all of them take at most: no more are held at a time.
const LOGITS: u64 = 400 << 20;
/// Of what is free, the part that passes may take: allocators and libraries need some too.
const SHARE: f64 = 0.85;
/// Tokens computed at once where memory is no concern: on the CPU, more make nothing faster.
const USUAL: usize = 4096;
/// The same on a card.
const MOST: usize = 32_768;

/// How many distinct tokens are computed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TokensPerStep {
    /// What a card's free memory holds, up to 32,768; on the CPU 4096.
    #[default]
    Auto,
    /// At most so many.
    AtMost(usize),
}

impl TokensPerStep {
    /// The number for passes of `decoder` that keep so much, from what is free now.
    pub fn resolve<K: Kernels>(self, decoder: &Decoder<K>, keep: Keep) -> usize {
        match (self, decoder.kernels.free_memory()) {
            (Self::AtMost(most), _) => most,
            (Self::Auto, Some(free)) => tokens_that_fit(&decoder.config, keep, free).min(MOST),
            (Self::Auto, None) => USUAL,
        }
    }
}

impl FromStr for TokensPerStep {
    type Err = EngineError;

    /// Reads `auto` or a number.
    fn from_str(text: &str) -> Result<Self, EngineError> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        text.parse().map(Self::AtMost).map_err(|_| EngineError::Setting {
            field: "the number of tokens per step",
            found: format!("`{text}`"),
            wanted: "it may be auto or a number of at least 1",
        })
    }
}

impl fmt::Display for TokensPerStep {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::AtMost(most) => write!(f, "{most}"),
        }
    }
}

/// Bytes that a pass takes for each of its tokens, at most: what blocks keep, scratch that they
/// share, and rounded copies of what goes into products.
pub fn bytes_per_token(config: &ModelConfig, keep: Keep) -> u64 {
    let (hidden, ffn) = (config.hidden_size as u64, config.ffn_size as u64);
    let width = (config.heads * config.head_dim) as u64;
    let kv_width = (config.kv_heads * config.head_dim) as u64;
    let options = &config.options;
    let raw = if options.qk_norm { width + kv_width } else { 0 };
    let given = if options.post_norms { 2 * hidden } else { 0 };
    let block = 2 * hidden + 2 * width + 2 * kv_width + 2 * ffn + raw + given;
    let layers = config.layers as u64;
    // What attention holds besides: two sums per query and head, and parts of keys' gradients.
    let attention = 2 * config.heads as u64 + SLOT_NUMBERS_PER_KEY as u64 * kv_width;
    let backward = 2 * ffn + 4 * hidden + 3 * width + 2 * kv_width + attention;
    let (blocks, inputs, gradients) = match keep {
        Keep::All => (layers, 0, backward),
        Keep::Inputs => (1, layers.saturating_sub(1) * hidden, backward),
        Keep::Nothing => (1, 0, 0),
    };
    let shared = ffn + 6 * hidden;
    // Four copies in bf16 are two numbers' worth of the widest.
    let rounded = 2 * hidden.max(ffn).max(width);
    F32 * (blocks * block + inputs + gradients + shared + rounded)
}

/// Tokens of a pass that fit in `free` bytes; at least one.
pub fn tokens_that_fit(config: &ModelConfig, keep: Keep, free: u64) -> usize {
    let each = bytes_per_token(config, keep);
    let with_all_logits = each + LOGIT * config.vocab_size as u64;
    let tokens = |bytes: u64, each: u64| (bytes as f64 * SHARE / each as f64) as usize;
    tokens(free.saturating_sub(LOGITS), each).max(tokens(free, with_all_logits)).max(1)
}

/// Tokens whose keys and values can be kept on a card, half of whose free memory they may take, and
/// that can be computed at once beside them; at least one. On the CPU there is no limit.
pub fn tokens_to_keep<K: Kernels>(decoder: &Decoder<K>) -> usize {
    let Some(free) = decoder.kernels.free_memory() else { return usize::MAX };
    let config = &decoder.config;
    let each = F32 * (2 * config.layers * config.kv_heads * config.head_dim) as u64;
    let share = free / 2;
    let kept = (share / each.max(1)).max(1) as usize;
    kept.min(tokens_that_fit(config, Keep::Nothing, free - share))
}

/// Explains an error of a pass over `tokens` tokens: where it is that the card's memory is full, it
/// says how many would fit. `room` are the bytes that were free before any pass.
pub(crate) fn explain(
    error: EngineError,
    config: &ModelConfig,
    keep: Keep,
    tokens: usize,
    room: Option<u64>,
) -> EngineError {
    let EngineError::Cuda(CudaError::OutOfMemory { wanted, free, total }) = error else {
        return error;
    };
    let estimate = room.map(|room| tokens_that_fit(config, keep, room));
    // An estimate that what has just failed would fit is too high.
    let fit = estimate.filter(|&fit| fit < tokens).unwrap_or((tokens / 2).max(1));
    let instead = if keep == Keep::All { ", or --recompute" } else { "" };
    EngineError::PassMemory { tokens, fit, wanted, free, total, instead }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_numbers_are_read_and_written() {
        for text in ["auto", "1", "8192"] {
            assert_eq!(text.parse::<TokensPerStep>().unwrap().to_string(), text);
        }
        for text in ["", "Auto", "-1", "1.5", "many"] {
            let error = text.parse::<TokensPerStep>().unwrap_err().to_string();
            assert!(error.contains("auto or a number"), "{error}");
        }
    }
}
