//! How much memory passes take, so that their size can be chosen before they are made.

use super::forward::Keep;
use crate::config::ModelConfig;

/// Bytes of a number.
const F32: u64 = 4;
/// Bytes that a pass takes besides: logits and their gradients, of which only so many are held.
const LOGITS: u64 = 400 << 20;
/// Of what is free, the part that passes may take: allocators and libraries need some too.
const SHARE: f64 = 0.85;

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
    let (blocks, gradients) = match keep {
        Keep::All => (config.layers as u64, 2 * ffn + 4 * hidden + 3 * width + 2 * kv_width),
        Keep::Nothing => (1, 0),
    };
    let shared = ffn + 6 * hidden;
    // Four copies in bf16 are two numbers' worth of the widest.
    let rounded = 2 * hidden.max(ffn).max(width);
    F32 * (blocks * block + gradients + shared + rounded)
}

/// Tokens of a pass that fit in `free` bytes; at least one.
pub fn tokens_that_fit(config: &ModelConfig, keep: Keep, free: u64) -> usize {
    let tokens = free.saturating_sub(LOGITS) as f64 * SHARE / bytes_per_token(config, keep) as f64;
    (tokens as usize).max(1)
}
