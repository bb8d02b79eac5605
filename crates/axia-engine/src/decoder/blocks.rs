//! The decoder's weights, the activations that are kept for the backward pass, and that pass.

use super::Pass;
use crate::config::{MODULES, ModelConfig, Module};
use crate::error::EngineError;
use crate::kernels::{AttentionShape, Kernels, Target, Write};
use crate::lora::{Adapter, Gradients};

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

impl<K: Kernels> Decoder<K> {
    /// Adds the gradients of `Σ weight · −log p` over `targets` to `gradients` and returns the
    /// targets' log-probabilities, still on the device.
    ///
    /// `activations` are those of [`Self::forward`] with everything or the inputs kept, and are used up.
    pub fn backward(
        &self,
        adapter: &Adapter<K>,
        pass: &Pass,
        targets: &[Target],
        activations: &mut Activations<K::Buffer>,
        gradients: &mut Gradients<K>,
    ) -> K::Buffer {
        let k = &self.kernels;
        let Activations { blocks, inputs, x, out, work } = activations;
        let mut dout = std::mem::take(&mut work.dnorm);
        let softcap = self.logit_softcap();
        let mut found = K::Buffer::default();
        k.log_probs_to(out, self.head(), softcap, targets, Some(&mut dout), &mut found);
        // The gradient of the residual stream takes the place of `out`, which is read no more.
        let dx = out;
        k.rms_norm_backward(&dout, x, &self.final_norm, self.eps(), Write::Set, dx);
        work.dnorm = dout;
        let first = adapter.first_block().unwrap_or(self.blocks.len());
        for index in (first..self.blocks.len()).rev() {
            let kept = match inputs.get(index) {
                Some(input) => {
                    let kept = &mut blocks[0];
                    k.copy(input, x);
                    self.recompute(index, Some(adapter), pass, kept, x, work);
                    kept
                }
                None if inputs.is_empty() => &mut blocks[index],
                None => &mut blocks[0],
            };
            self.mlp_backward(index, adapter, kept, work, dx, gradients);
            self.attention_backward((index, first), adapter, pass, kept, work, dx, gradients);
        }
        found
    }

    fn mlp_backward(
        &self,
        index: usize,
        adapter: &Adapter<K>,
        kept: &mut BlockActivations<K::Buffer>,
        work: &mut Work<K::Buffer>,
        dx: &mut K::Buffer,
        gradients: &mut Gradients<K>,
    ) {
        let (k, eps) = (&self.kernels, self.eps());
        let norm = &self.blocks[index].mlp_norm;
        let activation = self.config.options.activation;
        k.gated(activation, &kept.gate, &kept.up, &mut work.hidden);
        let dgiven = self.given_backward(index, Module::Down, &kept.mlp_out, dx, &mut work.dgiven);
        let to = Some((Write::Set, &mut work.dhidden));
        self.layer_backward((index, Module::Down), adapter, (&work.hidden, dgiven), to, gradients);
        k.gated_backward(activation, &work.dhidden, &mut kept.gate, &mut kept.up);
        k.rms_norm(&kept.mid, norm, eps, &mut work.norm);
        let layers = [(Module::Gate, &kept.gate, Write::Set), (Module::Up, &kept.up, Write::Add)];
        for (module, gradient, write) in layers {
            let to = Some((write, &mut work.dnorm));
            self.layer_backward((index, module), adapter, (&work.norm, gradient), to, gradients);
        }
        k.rms_norm_backward(&work.dnorm, &kept.mid, norm, eps, Write::Add, dx);
    }

    #[allow(clippy::too_many_arguments)] // the pass, and the kinds of memory it works on
    fn attention_backward(
        &self,
        (index, first): (usize, usize),
        adapter: &Adapter<K>,
        pass: &Pass,
        kept: &mut BlockActivations<K::Buffer>,
        work: &mut Work<K::Buffer>,
        dx: &mut K::Buffer,
        gradients: &mut Gradients<K>,
    ) {
        let (k, eps, hidden) = (&self.kernels, self.eps(), self.config.hidden_size);
        let last = index + 1 == self.blocks.len();
        let norm = &self.blocks[index].attn_norm;
        let dgiven = self.given_backward(index, Module::O, &kept.attn_out, dx, &mut work.dgiven);
        let to = Some((Write::Set, &mut work.dattn));
        self.layer_backward((index, Module::O), adapter, (&kept.attn, dgiven), to, gradients);
        let plan = pass.plan(last, self.config.options.is_windowed(index));
        let Work { dattn, dq, dk, dv, dnorm, dgiven, .. } = work;
        let qkv = [&kept.q, &kept.k, &kept.v];
        let shape = self.attention_shape();
        k.attention_backward(&shape, plan, qkv, dattn, [&mut *dq, &mut *dk, &mut *dv]);
        self.queries_backward(index, pass.query_positions(last), &kept.raw_q, dgiven, dq);
        self.keys_backward(index, pass.key_positions(), &kept.raw_k, dgiven, dk);
        k.rms_norm(&kept.x, norm, eps, &mut work.norm);
        // Below the first adapted block everything is frozen.
        let is_wanted = index > first;
        for (module, gradient, write) in
            [(Module::K, &*dk, Write::Set), (Module::V, dv, Write::Add)]
        {
            let to = is_wanted.then_some((write, &mut *dnorm));
            self.layer_backward((index, module), adapter, (&work.norm, gradient), to, gradients);
        }
        let module = (index, Module::Q);
        if last {
            k.gather(&work.norm, &pass.reads, hidden, &mut work.norm_rows);
            let to = is_wanted.then_some((Write::Set, &mut work.rows));
            self.layer_backward(module, adapter, (&work.norm_rows, dq), to, gradients);
        } else {
            let to = is_wanted.then_some((Write::Add, &mut *dnorm));
            self.layer_backward(module, adapter, (&work.norm, dq), to, gradients);
        }
        if !is_wanted {
            return;
        }
        if last {
            k.scatter(&work.rows, &pass.reads, hidden, Write::Add, dnorm);
            std::mem::swap(dx, &mut work.rows);
            k.prepare(dx, pass.len() * hidden);
            k.zero(dx);
            k.scatter(&work.rows, &pass.reads, hidden, Write::Set, dx);
        }
        k.rms_norm_backward(dnorm, &kept.x, norm, eps, Write::Add, dx);
    }

    /// The backward pass of one linear layer, given its input and its output's gradient: adds its
    /// adapter's gradients and, where it is wanted, gives its input's. Both need the product of the
    /// output's gradient with the adapter's B, which kernels may remember from one to the other.
    fn layer_backward(
        &self,
        (index, module): (usize, Module),
        adapter: &Adapter<K>,
        (input, dy): (&K::Buffer, &K::Buffer),
        to: Option<(Write, &mut K::Buffer)>,
        gradients: &mut Gradients<K>,
    ) {
        gradients.add(&self.kernels, adapter, (index, module), input, dy);
        if let Some((write, dx)) = to {
            let layer = self.layer(index, module, Some(adapter));
            self.kernels.linear_backward(dy, layer, write, dx);
        }
    }
}
