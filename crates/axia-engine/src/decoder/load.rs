//! Bringing a model's weights to a device, and how much memory passes over them take.

use super::forward::Keep;
use super::{Block, Decoder};
use crate::checkpoint_files::CheckpointError;
use crate::config::{MODULES, ModelConfig};
use crate::error::EngineError;
use crate::kernels::cuda::{CudaError, SLOT_NUMBERS_PER_KEY};
use crate::kernels::{Kernels, Linear};
use crate::lora::Adapter;
use crate::weights::TensorSource;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

impl<K: Kernels> Decoder<K> {
    /// Takes the weights of a model of shape `config` from `source`. Matrices stay in the mapped
    /// file until they are used.
    ///
    /// # Errors
    /// [`CheckpointError`] naming the tensor that is missing, of another shape, not readable, or
    /// (norms and biases, which are read at once) not finite; the device's own error where it is
    /// full or fails.
    pub fn load(
        kernels: K,
        config: ModelConfig,
        source: &TensorSource,
    ) -> Result<Self, EngineError> {
        let (hidden, vocab) = (config.hidden_size, config.vocab_size);
        let parts = Parts { kernels: &kernels, config: &config, source };
        let blocks =
            (0..config.layers).map(|block| parts.block(block)).collect::<Result<Vec<_>, _>>()?;
        let (embedding, head) = parts.outer_matrices();
        let embedding = parts.matrix(embedding, (vocab, hidden))?;
        let head = head.map(|name| parts.matrix(name, (vocab, hidden))).transpose()?;
        let final_norm = parts.norm("model.norm.weight", hidden)?;
        kernels.check()?;
        Ok(Self { embedding, final_norm, blocks, head, config, kernels })
    }

    /// Bytes that all matrices take as plain f32.
    pub fn plain_bytes(&self) -> u64 {
        let config = &self.config;
        let block = |(rows, columns): (usize, usize)| rows as u64 * columns as u64;
        let blocks: u64 = MODULES.iter().map(|module| block(module.shape(config))).sum();
        let embeddings = if self.head.is_some() { 2 } else { 1 };
        let outer = embeddings * block((config.vocab_size, config.hidden_size));
        4 * (config.layers as u64 * blocks + outer)
    }

    /// The decoder with all weights as plain f32 in memory and `adapter` merged into them.
    pub fn merged(&self, kernels: K, adapter: Option<&Adapter<K>>) -> Self {
        let plain = |weight| kernels.merged(Linear { weight, bias: None, lora: None });
        let vector = |v: &K::Buffer| kernels.upload(&self.kernels.download(v));
        let pair = |[a, b]: &[K::Buffer; 2]| [vector(a), vector(b)];
        let blocks = self.blocks.iter().enumerate().map(|(index, block)| Block {
            attn_norm: vector(&block.attn_norm),
            mlp_norm: vector(&block.mlp_norm),
            weights: MODULES.map(|module| kernels.merged(self.layer(index, module, adapter))),
            biases: block.biases.each_ref().map(|bias| bias.as_ref().map(vector)),
            qk_norms: block.qk_norms.as_ref().map(pair),
            post_norms: block.post_norms.as_ref().map(pair),
        });
        Self {
            embedding: plain(&self.embedding),
            blocks: blocks.collect(),
            final_norm: vector(&self.final_norm),
            head: self.head.as_ref().map(plain),
            config: self.config.clone(),
            kernels,
        }
    }
}

/// Takes the parts of a model out of its files.
struct Parts<'a, K: Kernels> {
    kernels: &'a K,
    config: &'a ModelConfig,
    source: &'a TensorSource,
}

impl<K: Kernels> Parts<'_, K> {
    /// The names of the token embeddings and, where it is another matrix, of the output layer. As
    /// transformers does, matrices that are to be one but are both stored, and differ, stay two; and
    /// either may be stored alone.
    fn outer_matrices(&self) -> (&'static str, Option<&'static str>) {
        const EMBEDDING: &str = "model.embed_tokens.weight";
        const HEAD: &str = "lm_head.weight";
        if !self.config.tied_embeddings {
            return (EMBEDDING, Some(HEAD));
        }
        match (self.source.tensor(EMBEDDING), self.source.tensor(HEAD)) {
            (Ok(embedding), Ok(head)) if embedding.bytes() != head.bytes() => {
                (EMBEDDING, Some(HEAD))
            }
            (Err(_), Ok(_)) => (HEAD, None),
            _ => (EMBEDDING, None),
        }
    }

    fn block(&self, block: usize) -> Result<Block<K>, EngineError> {
        let (hidden, options) = (self.config.hidden_size, &self.config.options);
        let norm =
            |part: &str, width| self.norm(&format!("model.layers.{block}.{part}.weight"), width);
        let [q, k, v, o, gate, up, down] = MODULES.map(|module| {
            let name = format!("{}.weight", module.name(block));
            self.matrix(&name, module.shape(self.config))
        });
        let mut biases = [const { None }; MODULES.len()];
        for module in MODULES.into_iter().filter(|module| module.has_bias(self.config)) {
            let name = format!("{}.bias", module.name(block));
            let (out, _) = module.shape(self.config);
            biases[module as usize] = Some(self.kernels.upload(&self.vector(&name, out)?));
        }
        let head = self.config.head_dim;
        let qk_norms = match options.qk_norm {
            true => Some([norm("self_attn.q_norm", head)?, norm("self_attn.k_norm", head)?]),
            false => None,
        };
        // With norms on both sides, `post_attention_layernorm` is what it says; else it is the norm
        // before the feed-forward part.
        let (mlp_norm, post_norms) = if options.post_norms {
            let after = norm("post_attention_layernorm", hidden)?;
            let post_norms = [after, norm("post_feedforward_layernorm", hidden)?];
            (norm("pre_feedforward_layernorm", hidden)?, Some(post_norms))
        } else {
            (norm("post_attention_layernorm", hidden)?, None)
        };
        Ok(Block {
            attn_norm: norm("input_layernorm", hidden)?,
            mlp_norm,
            weights: [q?, k?, v?, o?, gate?, up?, down?],
            biases,
            qk_norms,
            post_norms,
        })
    }

    fn matrix(
        &self,
        name: &str,
        (rows, columns): (usize, usize),
    ) -> Result<K::Weight, EngineError> {
        let tensor = self.source.tensor_of_shape(name, &[rows, columns])?;
        Ok(self.kernels.weight(tensor.clone())?)
    }

    fn vector(&self, name: &str, width: usize) -> Result<Vec<f32>, CheckpointError> {
        self.source.tensor_of_shape(name, &[width])?.to_f32()
    }

    fn norm(&self, name: &str, width: usize) -> Result<K::Buffer, EngineError> {
        let mut weight = self.vector(name, width)?;
        let offset = self.config.options.norm_offset;
        if offset != 0.0 {
            weight.iter_mut().for_each(|weight| *weight += offset);
        }
        Ok(self.kernels.upload(&weight))
    }
}

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
