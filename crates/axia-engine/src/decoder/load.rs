//! Bringing a model's weights to a device.

use super::{Block, Decoder};
use crate::checkpoint_files::CheckpointError;
use crate::config::MODULES;
use crate::config::ModelConfig;
use crate::error::EngineError;
use crate::kernels::{Kernels, Linear};
use crate::lora::Adapter;
use crate::weights::TensorSource;

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
