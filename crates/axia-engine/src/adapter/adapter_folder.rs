//! Reads and writes PEFT adapter folders, and checks that an adapter fits its model.

use super::{AdapterError, LoraConfig, LoraTensors, tensor_file};
use crate::config::{LinearModule, ModelConfig};
use crate::folder_draft::{FolderDraft, is_free};
use crate::spelling::{nearest_name, suggestion};
use std::path::{Path, PathBuf};

const CONFIG: &str = "adapter_config.json";
const TENSORS: &str = "adapter_model.safetensors";
const MODEL_CARD: &str = "README.md";

/// A LoRA adapter: its settings and its tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapter {
    /// The settings.
    pub config: LoraConfig,
    /// The tensors of each adapted layer, sorted by its path when read from a folder.
    pub modules: Vec<LoraTensors>,
}

impl Adapter {
    /// Makes the adapter have `factor` times its effect: every alpha is multiplied.
    pub fn scale_by(&mut self, factor: f64) {
        self.config.alpha *= factor;
        self.config.alpha_pattern.iter_mut().for_each(|(_, alpha)| *alpha *= factor);
        self.modules.iter_mut().for_each(|module| module.scale *= factor);
    }

    /// Reads a folder that PEFT (or this crate) wrote; stored half precision is widened.
    ///
    /// # Errors
    /// [`AdapterError`] naming the file, and the option or tensor.
    pub fn read(folder: &Path) -> Result<Self, AdapterError> {
        let config = LoraConfig::read(&file_of(folder, CONFIG)?)?;
        let modules = tensor_file::read(&file_of(folder, TENSORS)?, &config)?;
        Ok(Self { config, modules })
    }

    /// Writes a folder that PEFT, vLLM and TRL load: settings, tensors in single precision, and
    /// `model_card` as README.md. Equal adapters give equal bytes.
    ///
    /// The folder appears whole or not at all; an adapter already there is replaced.
    ///
    /// # Errors
    /// [`AdapterError::Occupied`] if something else is there, [`AdapterError::File`] if writing fails.
    pub fn write(&self, folder: &Path, model_card: &str) -> Result<(), AdapterError> {
        self.config.check()?;
        refuse_occupied(folder)?;
        let tensors = tensor_file::to_bytes(&folder.join(TENSORS), &self.modules)?;
        let draft = FolderDraft::of(folder)?;
        draft.write(CONFIG, self.config.to_json().as_bytes())?;
        draft.write(TENSORS, &tensors)?;
        draft.write(MODEL_CARD, model_card.as_bytes())?;
        Ok(draft.commit()?)
    }
}

fn file_of(folder: &Path, name: &'static str) -> Result<PathBuf, AdapterError> {
    let path = folder.join(name);
    if path.is_file() {
        return Ok(path);
    }
    let hint = if folder.join("adapter_model.bin").is_file() {
        "; convert its adapter_model.bin to safetensors first"
    } else {
        ""
    };
    Err(AdapterError::NotAnAdapter { folder: folder.to_owned(), missing: name, hint })
}

/// Only an adapter or an empty folder may be replaced.
fn refuse_occupied(folder: &Path) -> Result<(), AdapterError> {
    if is_free(folder) || folder.join(CONFIG).is_file() {
        Ok(())
    } else {
        Err(AdapterError::Occupied { path: folder.to_owned() })
    }
}

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
