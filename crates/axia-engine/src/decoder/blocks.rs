//! The decoder's weights.

use crate::config::{MODULES, ModelConfig, Module};
use crate::error::EngineError;
use crate::kernels::{AttentionShape, Kernels};

/// One transformer block: attention and feed-forward part, each behind an RMS norm.
pub struct Block<K: Kernels> {
    /// `(hidden)`
    pub(super) attn_norm: K::Buffer,
    /// `(hidden)`
    pub(super) mlp_norm: K::Buffer,
    /// One weight `(out, in)` per module, in the order of [`MODULES`].
    pub(super) weights: [K::Weight; MODULES.len()],
    /// Their biases `(out)`, where they have one.
    pub(super) biases: [Option<K::Buffer>; MODULES.len()],
    /// Norms of each head's queries and keys `(head_dim)`.
    pub(super) qk_norms: Option<[K::Buffer; 2]>,
    /// Norms of what attention and the feed-forward part give to the residual stream `(hidden)`.
    pub(super) post_norms: Option<[K::Buffer; 2]>,
}

impl<K: Kernels> Block<K> {
    /// The norm of what `module`, the last of its half of the block, gives.
    pub(super) fn post_norm(&self, module: Module) -> Option<&K::Buffer> {
        let [attention, mlp] = self.post_norms.as_ref()?;
        Some(if module == Module::O { attention } else { mlp })
    }

    /// Norms and biases.
    fn vectors(&self) -> impl Iterator<Item = &K::Buffer> {
        let further = self.qk_norms.iter().chain(&self.post_norms).flatten();
        [&self.attn_norm, &self.mlp_norm]
            .into_iter()
            .chain(further)
            .chain(self.biases.iter().flatten())
    }
}

/// A decoder language model on a device.
pub struct Decoder<K: Kernels> {
    pub(super) kernels: K,
    pub(super) config: ModelConfig,
    /// `(vocab, hidden)`
    pub(super) embedding: K::Weight,
    pub(super) blocks: Vec<Block<K>>,
    /// `(hidden)`
    pub(super) final_norm: K::Buffer,
    /// `(vocab, hidden)`; the embedding itself where the two are tied.
    pub(super) head: Option<K::Weight>,
}

impl<K: Kernels> Decoder<K> {
    /// The shape of the model.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Lets generation run on past the model's end tokens.
    pub fn ignore_end_tokens(&mut self) {
        self.config.eos_ids.clear();
    }

    /// The device's kernels.
    pub fn kernels(&self) -> &K {
        &self.kernels
    }

    /// The output embedding.
    pub fn head(&self) -> &K::Weight {
        self.head.as_ref().unwrap_or(&self.embedding)
    }

    /// Explains a result that is not finite: the weight to blame, where the file holds one that is
    /// NaN or infinite. Weights made by [`Decoder::merged`] are not looked at: ask the decoder that
    /// they were made of.
    ///
    /// Where the device has failed, that explains it.
    pub fn non_finite(&self, what: &str) -> EngineError {
        if let Err(error) = self.kernels.check() {
            return error.into();
        }
        let heads = [&self.embedding].into_iter().chain(&self.head);
        let weights = self.blocks.iter().flat_map(|b| &b.weights).chain(heads);
        let damaged = weights.map(|w| self.kernels.check_weight(w)).find_map(Result::err);
        damaged.map_or_else(|| EngineError::NonFinite { what: what.to_owned() }, EngineError::from)
    }

    /// A few of the model's own numbers, the first row of every matrix and all norms and biases, by
    /// which two models of one shape are told apart.
    pub(crate) fn sample(&self) -> Vec<f32> {
        let k = &self.kernels;
        let first_row = |weight| {
            let mut row = K::Buffer::default();
            k.embed(weight, &[0], &mut row);
            k.download(&row)
        };
        let matrices = self.blocks.iter().flat_map(|b| &b.weights);
        let matrices = matrices.chain([&self.embedding, self.head()]);
        let vectors = self.blocks.iter().flat_map(|b| b.vectors()).chain([&self.final_norm]);
        matrices.map(first_row).chain(vectors.map(|v| k.download(v))).flatten().collect()
    }

    pub(super) fn eps(&self) -> f32 {
        self.config.rms_eps as f32
    }

    pub(super) fn attention_shape(&self) -> AttentionShape {
        AttentionShape {
            heads: self.config.heads,
            kv_heads: self.config.kv_heads,
            head_dim: self.config.head_dim,
            scale: self.config.attention_scale() as f32,
            softcap: self.config.options.attention_softcap.map(|cap| cap as f32),
        }
    }
}

/// Activations of a forward pass, kept for the backward pass; reused from step to step.
///
/// Cheap intermediates (norms, SiLU products, attention probabilities) are recomputed instead.
#[derive(Debug, Default)]
pub struct Activations<B> {
    /// One per block where all are kept, else the first is one that all blocks share.
    pub(super) blocks: Vec<BlockActivations<B>>,
    /// Inputs `(tokens, hidden)` of the blocks but the last, where the rest is recomputed.
    pub(super) inputs: Vec<B>,
    /// Residual stream: `(tokens, hidden)`, after the last block `(reads, hidden)`.
    pub(super) x: B,
    /// Final hidden states after the last norm `(reads, hidden)`.
    pub(super) out: B,
    pub(super) work: Work<B>,
}

/// What one block keeps. In the last block `rows` is the number of reads, elsewhere of tokens.
#[derive(Debug, Default)]
pub(super) struct BlockActivations<B> {
    /// Block input `(tokens, hidden)`
    pub x: B,
    /// Queries after the rotation `(rows, heads · head_dim)`
    pub q: B,
    /// Queries before their norm, where they have one
    pub raw_q: B,
    /// Keys after the rotation `(tokens, kv_heads · head_dim)`
    pub k: B,
    /// Keys before their norm, where they have one
    pub raw_k: B,
    /// Values `(tokens, kv_heads · head_dim)`
    pub v: B,
    /// Attention output before its projection `(rows, heads · head_dim)`
    pub attn: B,
    /// What attention gave before its norm, where it has one `(rows, hidden)`
    pub attn_out: B,
    /// Residual stream between the block's halves `(rows, hidden)`
    pub mid: B,
    /// `(rows, ffn)`
    pub gate: B,
    /// `(rows, ffn)`
    pub up: B,
    /// What the feed-forward part gave before its norm, where it has one `(rows, hidden)`
    pub mlp_out: B,
}

/// Scratch that all blocks share.
#[derive(Debug, Default)]
pub(super) struct Work<B> {
    /// Normalised block input `(tokens, hidden)`
    pub norm: B,
    /// Some rows of it `(reads, hidden)`
    pub norm_rows: B,
    /// Gated product `(rows, ffn)`
    pub hidden: B,
    /// Some rows of the residual stream or of its gradient `(reads, hidden)`
    pub rows: B,
    /// What goes into the residual stream through a norm `(rows, hidden)`
    pub normed: B,
    pub dhidden: B,
    pub dnorm: B,
    pub dattn: B,
    pub dq: B,
    pub dk: B,
    pub dv: B,
    /// Gradients before the norms of queries, keys, and of what goes into the stream
    pub dgiven: B,
}
