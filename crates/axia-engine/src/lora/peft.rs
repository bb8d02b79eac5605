//! Between adapters on a device and PEFT's folders.

use super::{Adapter, LoraSettings, Place};
use crate::adapter::{Adapter as PeftAdapter, LayerChoice, LoraConfig, LoraTensors};
use crate::config::MODULES;
use crate::config::ModelConfig;
use crate::error::EngineError;
use crate::kernels::{Kernels, LoraPair};

impl LoraSettings {
    /// The settings as PEFT stores them.
    pub fn to_peft(&self) -> LoraConfig {
        let blocks = self.layers.map(|layers| (layers.first()..=layers.last()).collect());
        LoraConfig {
            use_rslora: self.rslora,
            layers: blocks.map(|blocks| LayerChoice { blocks, lists: Vec::new() }),
            ..LoraConfig::uniform(self.rank, self.alpha)
        }
    }
}

impl<K: Kernels> Adapter<K> {
    /// Brings a PEFT adapter to the device. `adapter` and `model` are the names used in messages.
    ///
    /// # Errors
    /// [`crate::adapter::AdapterError::Mismatch`] naming what does not fit the model.
    pub fn from_peft(
        kernels: &K,
        config: &ModelConfig,
        peft: &PeftAdapter,
        (adapter, model): (&str, &str),
    ) -> Result<Self, EngineError> {
        peft.check_fits(config, adapter, model)?;
        let places = (0..config.layers).flat_map(|block| MODULES.map(|module| (block, module)));
        let (mut pairs, mut sizes) = (Vec::new(), Vec::new());
        for place in places {
            let name = config.module_path(&place.1.name(place.0));
            let Some(tensors) = peft.modules.iter().find(|m| m.module == name) else { continue };
            let pair = LoraPair {
                a: kernels.upload(&tensors.a),
                b: kernels.upload(&tensors.b),
                rank: tensors.r,
                scale: tensors.scale as f32,
            };
            sizes.push([tensors.a.len(), tensors.b.len()]);
            pairs.push((place, pair));
        }
        Ok(Self::new(config.layers, pairs, sizes))
    }

    /// The adapter as PEFT stores it, with `lora` as its settings.
    pub fn to_peft(&self, kernels: &K, config: &ModelConfig, lora: LoraConfig) -> PeftAdapter {
        let tensors = |(&(block, module), pair): (&Place, &LoraPair<K::Buffer>)| {
            let (outputs, inputs) = module.shape(config);
            LoraTensors {
                module: config.module_path(&module.name(block)),
                r: pair.rank,
                inputs,
                outputs,
                scale: f64::from(pair.scale),
                a: kernels.download(&pair.a),
                b: kernels.download(&pair.b),
            }
        };
        let modules = self.places().iter().zip(self.pairs()).map(tensors).collect();
        PeftAdapter { config: lora, modules }
    }
}
