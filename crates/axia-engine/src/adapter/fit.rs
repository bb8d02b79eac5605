//! Whether an adapter belongs to a model.

use std::path::Path;

use super::{Adapter, AdapterError, LoraTensors};
use crate::config::{LinearModule, ModelConfig};
use crate::spelling::{nearest_name, suggestion};

/// The one linear layer outside the blocks.
const OUTPUT_PROJECTION: &str = "lm_head";

impl Adapter {
    /// Checks that every adapted layer is in the model with the same widths, and that the layers
    /// the settings target are those that are adapted; what only images go through is left out of
    /// account. `adapter` and `model` are only used in messages.
    ///
    /// # Errors
    /// [`AdapterError::Mismatch`] naming both and the first layer that differs.
    pub fn check_fits(
        &self,
        model: &ModelConfig,
        adapter_name: &str,
        model_name: &str,
    ) -> Result<(), AdapterError> {
        self.problem(model)?.map_or(Ok(()), |problem| {
            Err(AdapterError::Mismatch {
                adapter: adapter_name.to_owned(),
                model: model_name.to_owned(),
                problem,
            })
        })
    }

    fn problem(&self, model: &ModelConfig) -> Result<Option<String>, AdapterError> {
        let layers = &model.linear_modules();
        let of_text = || self.modules.iter().filter(|m| !model.is_for_images(&m.module));
        let misfit = of_text().find_map(|module| misfit(module, layers));
        if misfit.is_some() {
            return Ok(misfit);
        }
        let targeted = self.config.targeted(layers)?;
        let bare =
            targeted.iter().find(|layer| !of_text().any(|module| module.module == layer.name));
        if let Some(layer) = bare {
            let name = &layer.name;
            return Ok(Some(format!("its settings target `{name}`, for which it has no tensors")));
        }
        // PEFT ignores such tensors, so that using them would change the results.
        let stray =
            of_text().find(|module| !targeted.iter().any(|layer| layer.name == module.module));
        Ok(stray.map(|module| {
            format!("it has tensors for `{}`, which its settings do not target", module.module)
        }))
    }
}

fn misfit(module: &LoraTensors, layers: &[LinearModule]) -> Option<String> {
    let name = &module.module;
    let Some(layer) = layers.iter().find(|layer| layer.name == *name) else {
        if name == OUTPUT_PROJECTION {
            return Some(format!("it changes `{name}`, which is not supported"));
        }
        let nearest = nearest_name(name, layers.iter().map(|layer| layer.name.as_str()));
        return Some(format!("the model has no linear layer `{name}`{}", suggestion(nearest)));
    };
    let same = (module.inputs, module.outputs) == (layer.inputs, layer.outputs);
    (!same).then(|| {
        format!(
            "`{name}` takes {} values and gives {} in the adapter, {} and {} in the model",
            module.inputs, module.outputs, layer.inputs, layer.outputs
        )
    })
}

/// Whether two names of base models are likely the same model: equal but for what stands before the last
/// `/`, letter case, `.gguf`, and what a file name adds after the model's name
/// (`SmolLM2-135M-Instruct.Q4_1.gguf`).
pub fn same_base(left: &str, right: &str) -> bool {
    let (left, right) = (bare_name(left), bare_name(right));
    let (short, long) = if left.len() <= right.len() { (left, right) } else { (right, left) };
    !short.is_empty()
        && long.strip_prefix(&short).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn bare_name(name: &str) -> String {
    let last = Path::new(name)
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    last.strip_suffix(".gguf").unwrap_or(&last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_model_are_recognised() {
        let hub = "HuggingFaceTB/SmolLM2-135M-Instruct";
        assert!(same_base(hub, "/models/smollm2-135m-instruct/"));
        assert!(same_base(hub, "SmolLM2-135M-Instruct.Q4_1.gguf"));
        assert!(!same_base(hub, "HuggingFaceTB/SmolLM2-135M"));
        assert!(!same_base(hub, "HuggingFaceTB/SmolLM2-360M-Instruct"));
        assert!(!same_base(hub, ""));
    }
}
