use std::path::PathBuf;

use serde::Serialize;

use super::files::file_size;
use super::{Settings, known_models, model_path};

/// A known model as `axia models` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedModel {
    /// The name to give on the command line.
    pub name: &'static str,
    /// Number of parameters.
    pub parameters: u64,
    /// GGUF quantisation of most matrices.
    pub quantisation: &'static str,
    /// SPDX name of the weights' licence.
    pub licence: &'static str,
    /// The file's size in bytes.
    pub bytes: u64,
    /// Whether the file is in the cache with the right size.
    pub present: bool,
    /// Where the file is or would be.
    pub path: PathBuf,
}

/// All known models, and which of them are in the cache.
pub fn list(settings: &Settings) -> Vec<ListedModel> {
    known_models()
        .iter()
        .map(|model| {
            let path = model_path(model, settings);
            ListedModel {
                name: model.name,
                parameters: model.parameters,
                quantisation: model.quantisation,
                licence: model.licence,
                bytes: model.bytes,
                present: file_size(&path) == Some(model.bytes),
                path,
            }
        })
        .collect()
}
