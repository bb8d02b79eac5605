//! The backward pass over a forest: gradients of the adapter, none of the frozen weights.

use super::blocks::{Activations, BlockActivations, Work};
use super::{Decoder, Pass};
use crate::config::Module;
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
