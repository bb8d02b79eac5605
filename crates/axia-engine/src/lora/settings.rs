//! Which layers get low-rank pairs, of which rank and scale, and the same as PEFT writes it.

use super::{Adapter, LoraSettings, Place};
use crate::adapter::{Adapter as PeftAdapter, LayerChoice, LoraConfig, LoraTensors};
use crate::config::{MODULES, ModelConfig};
use crate::error::EngineError;
use crate::kernels::{Kernels, LoraPair};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Consecutive layers, counted from 0; the last one belongs to them. Written `10-29`, or `7` for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LayerRange {
    first: usize,
    last: usize,
}

impl LayerRange {
    /// `None` if `first` comes after `last`.
    pub fn new(first: usize, last: usize) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The first layer.
    pub fn first(self) -> usize {
        self.first
    }

    /// The last layer.
    pub fn last(self) -> usize {
        self.last
    }

    /// Whether `layer` is one of them.
    pub fn contains(self, layer: usize) -> bool {
        (self.first..=self.last).contains(&layer)
    }
}

impl FromStr for LayerRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let number = |part: &str| part.trim().parse::<usize>().ok();
        number(first).zip(number(last)).and_then(|(first, last)| Self::new(first, last)).ok_or_else(
            || format!("`{text}` is not a range of layers such as 10-29, counted from 0"),
        )
    }
}

impl TryFrom<String> for LayerRange {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<LayerRange> for String {
    fn from(range: LayerRange) -> Self {
        range.to_string()
    }
}

impl fmt::Display for LayerRange {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_they_are_written() {
        let range: LayerRange = "10-29".parse().unwrap();
        assert_eq!((range.first(), range.last()), (10, 29));
        assert_eq!("7".parse::<LayerRange>().unwrap().to_string(), "7-7");
        assert_eq!(serde_json::to_string(&range).unwrap(), "\"10-29\"");
        assert_eq!(serde_json::from_str::<LayerRange>("\"10-29\"").unwrap(), range);
        for wrong in ["", "-", "3-", "-3", "5-4", "1-2-3", "a", "1.5"] {
            let error = wrong.parse::<LayerRange>().unwrap_err();
            assert!(error.contains("10-29"), "{error}");
        }
    }
}
