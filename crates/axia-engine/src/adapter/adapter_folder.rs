//! Reads and writes PEFT adapter folders.

use std::path::{Path, PathBuf};

use super::{AdapterError, LoraConfig, LoraTensors, tensor_file};
use crate::folder_draft::{FolderDraft, is_free};

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
