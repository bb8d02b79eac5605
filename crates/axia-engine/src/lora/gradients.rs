//! Gradients of an adapter.

use super::{Adapter, Place};
use crate::kernels::Kernels;

/// A pair of buffers per LoRA pair of an adapter, in the order of [`Adapter::places`].
pub struct Gradients<K: Kernels> {
    pub(crate) pairs: Vec<[K::Buffer; 2]>,
}

impl<K: Kernels> Gradients<K> {
    /// Zero gradients for `adapter`.
    pub fn zeros(kernels: &K, adapter: &Adapter<K>) -> Self {
        let zeros = |len| kernels.zeros(len);
        let pairs = adapter.sizes().map(|[a, b]| [zeros(a), zeros(b)]).collect();
        Self { pairs }
    }

    /// The gradients of `a` and `b` of every pair.
    pub fn arrays(&self) -> impl Iterator<Item = &[K::Buffer; 2]> {
        self.pairs.iter()
    }

    /// Sets all gradients to zero.
    pub fn reset(&mut self, kernels: &K) {
        self.pairs.iter_mut().flatten().for_each(|g| kernels.zero(g));
    }

    /// The norm of all gradients taken together.
    pub fn norm(&self, kernels: &K) -> f64 {
        let arrays: Vec<&K::Buffer> = self.pairs.iter().flatten().collect();
        kernels.square_sum(&arrays).sqrt()
    }

    /// Multiplies all gradients by `factor`.
    pub fn scale(&mut self, kernels: &K, factor: f32) {
        self.pairs.iter_mut().flatten().for_each(|g| kernels.scale(g, factor));
    }

    /// Adds the part of a layer with input `x` and output gradient `dy`; nothing where the
    /// adapter leaves that layer alone.
    pub(crate) fn add(
        &mut self,
        kernels: &K,
        adapter: &Adapter<K>,
        (block, module): Place,
        x: &K::Buffer,
        dy: &K::Buffer,
    ) {
        if let Some((index, pair)) = adapter.indexed_pair(block, module) {
            let [da, db] = &mut self.pairs[index];
            kernels.lora_backward(x, dy, pair.view(), da, db);
        }
    }
}
