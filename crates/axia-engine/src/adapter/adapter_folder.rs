//! Reads and writes PEFT adapter folders.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{AdapterError, LoraConfig, LoraTensors, tensor_file};
use crate::error::FileError;

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
        let parent = parent_of(folder);
        fs::create_dir_all(&parent).map_err(FileError::on("create", &parent))?;
        let draft = new_folder_in(&parent)?;
        for (name, contents) in [
            (CONFIG, self.config.to_json().as_bytes()),
            (TENSORS, tensors.as_slice()),
            (MODEL_CARD, model_card.as_bytes()),
        ] {
            write_durably(&draft.path().join(name), contents)?;
        }
        move_into_place(draft, folder, &parent)
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
    let free = !folder.exists()
        || folder.join(CONFIG).is_file()
        || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if free { Ok(()) } else { Err(AdapterError::Occupied { path: folder.to_owned() }) }
}

fn parent_of(folder: &Path) -> PathBuf {
    match folder.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// A hidden folder with a name of its own; it is removed when dropped unless it has been renamed.
fn new_folder_in(parent: &Path) -> Result<tempfile::TempDir, AdapterError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".adapter-");
    #[cfg(unix)]
    {
        // The folder is to be as readable as one made by hand; the default is for the owner alone.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    Ok(builder.tempdir_in(parent).map_err(FileError::on("create a folder in", parent))?)
}

fn write_durably(path: &Path, contents: &[u8]) -> Result<(), FileError> {
    // A rename may reach the disk before the contents do, unless they are flushed first.
    fs::File::create(path)
        .and_then(|mut file| {
            file.write_all(contents)?;
            file.sync_all()
        })
        .map_err(FileError::on("write", path))
}

/// A folder cannot be renamed over one with files in it, so the old one steps aside first; it comes back
/// if the new one cannot take its place, and is removed otherwise.
fn move_into_place(
    draft: tempfile::TempDir,
    folder: &Path,
    parent: &Path,
) -> Result<(), AdapterError> {
    let aside = new_folder_in(parent)?;
    let old = aside.path().join("old");
    let replaces = folder.exists();
    if replaces {
        fs::rename(folder, &old).map_err(FileError::on("replace", folder))?;
    }
    if let Err(error) = fs::rename(draft.path(), folder) {
        if replaces {
            fs::rename(&old, folder).map_err(FileError::on("restore", folder))?;
        }
        return Err(FileError::on("create", folder)(error).into());
    }
    // It has moved: there is nothing left to remove.
    let _ = draft.keep();
    Ok(())
}
