//! Bringing a model's weights to a device.

use super::{Block, Decoder, MODULES, Module};
use crate::checkpoint_files::{CheckpointError, TensorSource};
use crate::config::ModelConfig;
use crate::error::EngineError;
use crate::kernels::Kernels;
use crate::lora::Adapter;

impl<K: Kernels> Decoder<K> {
    /// Takes the weights of a model of shape `config` from `source`. Matrices stay in the mapped
    /// file until they are used.
    ///
    /// # Errors
    /// [`CheckpointError`] naming the tensor that is missing, of another shape, not readable, or
    /// (norms, which are read at once) not finite.
    pub fn load(
        kernels: K,
        config: ModelConfig,
        source: &TensorSource,
    ) -> Result<Self, EngineError> {
        let (hidden, vocab) = (config.hidden_size, config.vocab_size);
        let matrix = |name: &str, (rows, columns): (usize, usize)| {
            kernels.weight(source.tensor_of_shape(name, &[rows, columns])?.clone())
        };
        let vector = |name: &str| -> Result<K::Buffer, CheckpointError> {
            Ok(kernels.upload(&source.tensor_of_shape(name, &[hidden])?.to_f32()?))
        };
        let blocks = (0..config.layers)
            .map(|block| {
                let weight =
                    |m: Module| matrix(&format!("{}.weight", m.name(block)), m.shape(&config));
                let norm = |part: &str| vector(&format!("model.layers.{block}.{part}.weight"));
                let [q, k, v, o, gate, up, down] = MODULES.map(weight);
                Ok(Block {
                    attn_norm: norm("input_layernorm")?,
                    mlp_norm: norm("post_attention_layernorm")?,
                    weights: [q?, k?, v?, o?, gate?, up?, down?],
                })
            })
            .collect::<Result<Vec<_>, EngineError>>()?;
        let head = if config.tied_embeddings {
            None
        } else {
            Some(matrix("lm_head.weight", (vocab, hidden))?)
        };
        Ok(Self {
            embedding: matrix("model.embed_tokens.weight", (vocab, hidden))?,
            final_norm: vector("model.norm.weight")?,
            frequencies: config.rope.frequencies(config.head_dim),
            blocks,
            head,
            config,
            kernels,
        })
    }

    /// The decoder with all weights as plain f32 in memory and `adapter` merged into them.
    pub fn merged(&self, kernels: K, adapter: Option<&Adapter<K>>) -> Self {
        let plain = |weight| kernels.merged(crate::kernels::Linear { weight, lora: None });
        let blocks = self.blocks.iter().enumerate().map(|(index, block)| Block {
            attn_norm: kernels.upload(&self.kernels.download(&block.attn_norm)),
            mlp_norm: kernels.upload(&self.kernels.download(&block.mlp_norm)),
            weights: MODULES.map(|module| kernels.merged(self.layer(index, module, adapter))),
        });
        Self {
            embedding: plain(&self.embedding),
            blocks: blocks.collect(),
            final_norm: kernels.upload(&self.kernels.download(&self.final_norm)),
            head: self.head.as_ref().map(plain),
            frequencies: self.frequencies.clone(),
            config: self.config.clone(),
            kernels,
        }
    }
}
