//! The backward pass over a forest: gradients of the adapter, none of the frozen weights.

use super::activations::{Activations, BlockActivations, Work};
use super::{Decoder, Module, Pass};
use crate::kernels::{Kernels, Target, Write};
use crate::lora::{Adapter, Gradients};

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
        for index in (0..self.blocks.len()).rev() {
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
            self.attention_backward(index, adapter, pass, kept, work, dx, gradients);
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
        let layer = |module| self.layer(index, module, Some(adapter));
        let activation = self.config.options.activation;
        k.gated(activation, &kept.gate, &kept.up, &mut work.hidden);
        let dgiven = self.given_backward(index, Module::Down, &kept.mlp_out, dx, &mut work.dgiven);
        gradients.add(k, adapter, (index, Module::Down), &work.hidden, dgiven);
        k.linear_backward(dgiven, layer(Module::Down), Write::Set, &mut work.dhidden);
        k.gated_backward(activation, &work.dhidden, &mut kept.gate, &mut kept.up);
        k.rms_norm(&kept.mid, norm, eps, &mut work.norm);
        gradients.add(k, adapter, (index, Module::Gate), &work.norm, &kept.gate);
        gradients.add(k, adapter, (index, Module::Up), &work.norm, &kept.up);
        k.linear_backward(&kept.gate, layer(Module::Gate), Write::Set, &mut work.dnorm);
        k.linear_backward(&kept.up, layer(Module::Up), Write::Add, &mut work.dnorm);
        k.rms_norm_backward(&work.dnorm, &kept.mid, norm, eps, Write::Add, dx);
    }

    #[allow(clippy::too_many_arguments)] // the pass, and the kinds of memory it works on
    fn attention_backward(
        &self,
        index: usize,
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
        let layer = |module| self.layer(index, module, Some(adapter));
        let dgiven = self.given_backward(index, Module::O, &kept.attn_out, dx, &mut work.dgiven);
        gradients.add(k, adapter, (index, Module::O), &kept.attn, dgiven);
        k.linear_backward(dgiven, layer(Module::O), Write::Set, &mut work.dattn);
        let plan = pass.plan(last, self.config.options.is_windowed(index));
        let Work { dattn, dq, dk, dv, dnorm, dgiven, .. } = work;
        let qkv = [&kept.q, &kept.k, &kept.v];
        let shape = self.attention_shape();
        k.attention_backward(&shape, plan, qkv, dattn, [&mut *dq, &mut *dk, &mut *dv]);
        self.queries_backward(index, pass.query_positions(last), &kept.raw_q, dgiven, dq);
        self.keys_backward(index, pass.key_positions(), &kept.raw_k, dgiven, dk);
        k.rms_norm(&kept.x, norm, eps, &mut work.norm);
        gradients.add(k, adapter, (index, Module::K), &work.norm, dk);
        gradients.add(k, adapter, (index, Module::V), &work.norm, dv);
        let query_input = if last {
            k.gather(&work.norm, &pass.reads, hidden, &mut work.norm_rows);
            &work.norm_rows
        } else {
            &work.norm
        };
        gradients.add(k, adapter, (index, Module::Q), query_input, dq);
        if index == 0 {
            // Below lie the embeddings, which are frozen.
            return;
        }
        k.linear_backward(dk, layer(Module::K), Write::Set, dnorm);
        k.linear_backward(dv, layer(Module::V), Write::Add, dnorm);
        if last {
            k.linear_backward(dq, layer(Module::Q), Write::Set, &mut work.norm_rows);
            k.scatter(&work.norm_rows, &pass.reads, hidden, Write::Add, dnorm);
            std::mem::swap(dx, &mut work.rows);
            k.prepare(dx, pass.len() * hidden);
            k.zero(dx);
            k.scatter(&work.rows, &pass.reads, hidden, Write::Set, dx);
        } else {
            k.linear_backward(dq, layer(Module::Q), Write::Add, dnorm);
        }
        k.rms_norm_backward(dnorm, &kept.x, norm, eps, Write::Add, dx);
    }
}
