//! Everything in a model's folder but the weights: copied from a folder, made from a GGUF file.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{FloatType, MergeError};
use crate::checkpoint_files::HfFolder;
use crate::config::ModelConfig;
use crate::error::FileError;
use crate::folder_draft::FolderDraft;
use crate::gguf::GgufFile;
use crate::tokenizer::hf_files;

const CONFIG: &str = "config.json";
/// Endings of files that hold weights, or say where they are.
const WEIGHTS: [&str; 11] = [
    ".safetensors",
    ".safetensors.index.json",
    ".bin",
    ".bin.index.json",
    ".pt",
    ".pth",
    ".gguf",
    ".onnx",
    ".h5",
    ".msgpack",
    ".ckpt",
];

/// Copies what lies at the top of `folder`: configuration, tokenizer, licence. Its README describes
/// another model. `dtype` is the weights' new storage type, if they get one.
pub(super) fn copy(
    folder: &HfFolder,
    dtype: Option<FloatType>,
    draft: &FolderDraft,
) -> Result<(), MergeError> {
    let path = folder.path();
    for entry in fs::read_dir(path).map_err(FileError::on("read", path))? {
        let entry = entry.map_err(FileError::on("read", path))?;
        let (from, name) = (entry.path(), entry.file_name());
        let Some(name) = name.to_str() else { continue };
        // Links lead to files in the hub's cache, so what counts is where they lead.
        if !from.is_file() || !is_kept(name) {
            continue;
        }
        let contents = fs::read(&from).map_err(FileError::on("read", &from))?;
        match dtype {
            Some(dtype) if name == CONFIG => {
                draft.write(name, with_dtype(&contents, dtype, &from)?.as_bytes())?;
            }
            _ => draft.write(name, &contents)?,
        }
    }
    Ok(())
}

fn is_kept(name: &str) -> bool {
    !name.starts_with('.')
        && !name.eq_ignore_ascii_case("readme.md")
        && !WEIGHTS.iter().any(|ending| name.ends_with(ending))
}

/// A `config.json` that names another storage type.
fn with_dtype(contents: &[u8], dtype: FloatType, path: &Path) -> Result<String, MergeError> {
    let mut config: Value = serde_json::from_slice(contents).unwrap_or_default();
    let Some(fields) = config.as_object_mut() else {
        return Err(MergeError::Config { path: path.to_owned() });
    };
    // The newer name where the file has it.
    let field = if fields.contains_key("dtype") { "dtype" } else { "torch_dtype" };
    fields.insert(field.to_owned(), json!(dtype.torch_name()));
    Ok(format!("{config:#}\n"))
}

/// Makes the files that a folder of the model in `file` would have. What cannot be made of the tokenizer
/// comes back as a remark.
pub(super) fn make(
    file: &GgufFile,
    config: &ModelConfig,
    dtype: FloatType,
    draft: &FolderDraft,
) -> Result<Vec<String>, MergeError> {
    let json = config.to_json(dtype.torch_name(), file.path())?;
    draft.write(CONFIG, format!("{json:#}\n").as_bytes())?;
    let generation = format!("{:#}\n", config.generation_json());
    draft.write("generation_config.json", generation.as_bytes())?;
    match hf_files(file.metadata(), config.max_positions) {
        Ok(files) => {
            for (name, contents) in files {
                draft.write(name, contents.as_bytes())?;
            }
            Ok(Vec::new())
        }
        Err(error) => Ok(vec![format!(
            "there is no tokenizer.json, for it cannot be made from the GGUF file: {error}; copy \
             tokenizer.json and tokenizer_config.json from where the model was published"
        )]),
    }
}
