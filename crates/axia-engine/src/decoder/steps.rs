//! The steps that passes over a forest and passes over a cache share, with the options that a
//! model may have in them. An option that is off costs nothing.

use super::Decoder;
use super::forward::Positions;
use crate::config::Module;
use crate::kernels::{Kernels, Linear, Rotation, Write};
use crate::lora::Adapter;

impl<K: Kernels> Decoder<K> {
    /// Input embeddings of `tokens` `(tokens, hidden)`.
    pub(super) fn embed(&self, tokens: &[u32], x: &mut K::Buffer) {
        self.kernels.embed(&self.embedding, tokens, x);
        if let Some(factor) = self.config.options.embedding_scale {
            self.kernels.scale(x, factor as f32);
        }
    }

    /// Logits `(rows, vocab)` of final hidden states.
    pub(super) fn logits_of(&self, out: &K::Buffer) -> Vec<f32> {
        let mut logits = K::Buffer::default();
        let head = Linear { weight: self.head(), bias: None, lora: None };
        self.kernels.linear(out, head, Write::Set, &mut logits);
        if let Some(cap) = self.logit_softcap() {
            self.kernels.softcap(&mut logits, cap);
        }
        self.kernels.download(&logits)
    }

    pub(super) fn logit_softcap(&self) -> Option<f32> {
        self.config.options.logit_softcap.map(|cap| cap as f32)
    }

    /// Layer `module` of block `index` with the adapter's update.
    pub(super) fn layer<'a>(
        &'a self,
        index: usize,
        module: Module,
        adapter: Option<&'a Adapter<K>>,
    ) -> Linear<'a, K> {
        let block = &self.blocks[index];
        Linear {
            weight: &block.weights[module as usize],
            bias: block.biases[module as usize].as_ref(),
            lora: adapter.and_then(|a| a.pair(index, module)).map(|pair| pair.view()),
        }
    }

    /// Queries of block `index` from its normalised input. Where they are normalised once more,
    /// `raw` receives what they were before.
    pub(super) fn queries(
        &self,
        index: usize,
        layer: Linear<K>,
        at: Positions,
        input: &K::Buffer,
        raw: &mut K::Buffer,
        q: &mut K::Buffer,
    ) {
        let norm = self.blocks[index].qk_norms.as_ref().map(|[norm, _]| norm);
        self.heads(index, (layer, norm), at, input, raw, q);
    }

    /// Like [`Self::queries`], for keys.
    pub(super) fn keys(
        &self,
        index: usize,
        layer: Linear<K>,
        at: Positions,
        input: &K::Buffer,
        raw: &mut K::Buffer,
        keys: &mut K::Buffer,
    ) {
        let norm = self.blocks[index].qk_norms.as_ref().map(|[_, norm]| norm);
        self.heads(index, (layer, norm), at, input, raw, keys);
    }

    fn heads(
        &self,
        index: usize,
        (layer, norm): (Linear<K>, Option<&K::Buffer>),
        at: Positions,
        input: &K::Buffer,
        raw: &mut K::Buffer,
        out: &mut K::Buffer,
    ) {
        match norm {
            Some(norm) => {
                self.kernels.linear(input, layer, Write::Set, raw);
                self.kernels.rms_norm(raw, norm, self.eps(), out);
            }
            None => self.kernels.linear(input, layer, Write::Set, out),
        }
        self.rotate(index, at, Rotation::Forward, out);
    }

    /// Adds what the last layer of one half of a block gives (`module` is [`Module::O`] or
    /// [`Module::Down`]) to the residual stream `x`. Where it is normalised first, `given` are the
    /// buffers for it before and after.
    pub(super) fn add_to_stream(
        &self,
        index: usize,
        module: Module,
        adapter: Option<&Adapter<K>>,
        input: &K::Buffer,
        given: (&mut K::Buffer, &mut K::Buffer),
        x: &mut K::Buffer,
    ) {
        let layer = self.layer(index, module, adapter);
        match self.blocks[index].post_norm(module) {
            Some(norm) => {
                let (given, normed) = given;
                self.kernels.linear(input, layer, Write::Set, given);
                self.kernels.rms_norm(given, norm, self.eps(), normed);
                self.kernels.add(normed, x);
            }
            None => self.kernels.linear(input, layer, Write::Add, x),
        }
    }

    /// Backward of [`Self::queries`] up to its layer: turns the gradient `dq` of the rotated
    /// queries into that of what the layer gave. `scratch` is used where they were normalised.
    pub(super) fn queries_backward(
        &self,
        index: usize,
        at: Positions,
        raw: &K::Buffer,
        scratch: &mut K::Buffer,
        dq: &mut K::Buffer,
    ) {
        let norm = self.blocks[index].qk_norms.as_ref().map(|[norm, _]| norm);
        self.heads_backward(index, norm, at, raw, scratch, dq);
    }

    /// Like [`Self::queries_backward`], for keys.
    pub(super) fn keys_backward(
        &self,
        index: usize,
        at: Positions,
        raw: &K::Buffer,
        scratch: &mut K::Buffer,
        dk: &mut K::Buffer,
    ) {
        let norm = self.blocks[index].qk_norms.as_ref().map(|[_, norm]| norm);
        self.heads_backward(index, norm, at, raw, scratch, dk);
    }

    fn heads_backward(
        &self,
        index: usize,
        norm: Option<&K::Buffer>,
        at: Positions,
        raw: &K::Buffer,
        scratch: &mut K::Buffer,
        gradient: &mut K::Buffer,
    ) {
        self.rotate(index, at, Rotation::Backward, gradient);
        if let Some(norm) = norm {
            self.kernels.rms_norm_backward(gradient, raw, norm, self.eps(), Write::Set, scratch);
            std::mem::swap(gradient, scratch);
        }
    }

    /// Backward of [`Self::add_to_stream`] up to its layer: the gradient of what the layer gave,
    /// which is that of the stream itself unless a norm stands between.
    pub(super) fn given_backward<'a>(
        &self,
        index: usize,
        module: Module,
        given: &K::Buffer,
        dx: &'a K::Buffer,
        scratch: &'a mut K::Buffer,
    ) -> &'a K::Buffer {
        match self.blocks[index].post_norm(module) {
            Some(norm) => {
                self.kernels.rms_norm_backward(dx, given, norm, self.eps(), Write::Set, scratch);
                scratch
            }
            None => dx,
        }
    }
}
