//! A low-rank adapter on a device.

use super::LayerRange;
use crate::config::{MODULES, ModelConfig, Module};
use crate::error::EngineError;
use crate::kernels::{Kernels, LoraPair};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The shape of a new adapter.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraSettings {
    /// Rank of every pair; at least 1.
    pub rank: usize,
    /// Numerator of the scale.
    pub alpha: f64,
    /// Rank-stabilised scale `alpha / √rank` (Kalajdzievski 2023) instead of `alpha / rank`.
    pub rslora: bool,
    /// Linear layers that get a pair, in every block; each at most once.
    pub modules: Vec<Module>,
    /// Blocks that get pairs; `None` for all of them.
    pub layers: Option<LayerRange>,
}

impl LoraSettings {
    /// The factor on `B A`.
    pub fn scale(&self) -> f32 {
        let rank = self.rank as f64;
        (self.alpha / if self.rslora { rank.sqrt() } else { rank }) as f32
    }

    /// Checks that a model with this configuration has the layers.
    ///
    /// # Errors
    /// [`EngineError::Setting`] with the model's number of layers.
    pub fn check(&self, config: &ModelConfig) -> Result<(), EngineError> {
        match self.layers {
            Some(layers) if layers.last() >= config.layers => Err(EngineError::Setting {
                field: "the range of adapted layers",
                found: format!("{layers} in a model of {} layers", config.layers),
                wanted: "it must lie within the model, whose first layer is 0",
            }),
            _ => Ok(()),
        }
    }
}

impl Default for LoraSettings {
    fn default() -> Self {
        Self { rank: 64, alpha: 128.0, rslora: false, modules: MODULES.to_vec(), layers: None }
    }
}

/// The linear layer that a pair belongs to: its block and which of the block's it is.
pub type Place = (usize, Module);

/// LoRA pairs, each at its place in the model.
pub struct Adapter<K: Kernels> {
    pub(crate) pairs: Vec<LoraPair<K::Buffer>>,
    places: Vec<Place>,
    /// Index into `pairs` per block and module.
    index: Vec<[Option<usize>; MODULES.len()]>,
    sizes: Vec<[usize; 2]>,
}

impl<K: Kernels> Adapter<K> {
    /// An adapter from pairs and their places; `sizes` are the lengths of each `a` and `b`.
    pub fn new(
        blocks: usize,
        pairs: Vec<(Place, LoraPair<K::Buffer>)>,
        sizes: Vec<[usize; 2]>,
    ) -> Self {
        let mut index = vec![[None; MODULES.len()]; blocks];
        for (i, ((block, module), _)) in pairs.iter().enumerate() {
            index[*block][*module as usize] = Some(i);
        }
        let (places, pairs) = pairs.into_iter().unzip();
        Self { pairs, places, index, sizes }
    }

    /// A fresh adapter that changes nothing yet: `A` uniform in `±1/√in` as PEFT draws it
    /// (Kaiming's rule with a = √5), `B` zero.
    pub fn fresh(kernels: &K, config: &ModelConfig, settings: &LoraSettings, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (rank, scale) = (settings.rank, settings.scale());
        let mut pairs = Vec::new();
        let mut sizes = Vec::new();
        let adapted = |block: &usize| settings.layers.is_none_or(|layers| layers.contains(*block));
        for block in (0..config.layers).filter(adapted) {
            for &module in &settings.modules {
                let (out, input) = module.shape(config);
                let bound = 1.0 / (input as f32).sqrt();
                let a: Vec<f32> =
                    (0..rank * input).map(|_| rng.random_range(-bound..bound)).collect();
                let b = vec![0f32; out * rank];
                let pair = LoraPair { a: kernels.upload(&a), b: kernels.upload(&b), rank, scale };
                sizes.push([a.len(), b.len()]);
                pairs.push(((block, module), pair));
            }
        }
        Self::new(config.layers, pairs, sizes)
    }

    /// The adapter with `factor` times its effect.
    #[must_use]
    pub fn scaled(mut self, factor: f32) -> Self {
        self.pairs.iter_mut().for_each(|pair| pair.scale *= factor);
        self
    }

    /// The pair at a place, if there is one.
    pub fn pair(&self, block: usize, module: Module) -> Option<&LoraPair<K::Buffer>> {
        self.indexed_pair(block, module).map(|(_, pair)| pair)
    }

    pub(crate) fn indexed_pair(
        &self,
        block: usize,
        module: Module,
    ) -> Option<(usize, &LoraPair<K::Buffer>)> {
        let index = self.index.get(block)?[module as usize]?;
        Some((index, &self.pairs[index]))
    }

    /// The first block that has a pair; `None` for an adapter without pairs. What lies below it is
    /// frozen, so that a backward pass ends there.
    pub(crate) fn first_block(&self) -> Option<usize> {
        self.places.iter().map(|(block, _)| *block).min()
    }

    /// Block and module of every pair.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// All pairs, in the order of [`Self::places`].
    pub fn pairs(&self) -> &[LoraPair<K::Buffer>] {
        &self.pairs
    }

    /// All pairs, in the order of [`Self::places`].
    pub(crate) fn into_pairs(self) -> Vec<LoraPair<K::Buffer>> {
        self.pairs
    }

    /// Lengths of `a` and `b` of every pair.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = [usize; 2]> {
        self.sizes.iter().copied()
    }

    /// Trained numbers in all.
    pub fn parameters(&self) -> usize {
        self.sizes.iter().flatten().sum()
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales() {
        let plain = LoraSettings { rank: 16, alpha: 8.0, ..LoraSettings::default() };
        assert_eq!(plain.scale(), 0.5);
        assert_eq!(LoraSettings { rslora: true, ..plain }.scale(), 2.0);
    }
}
