//! An open GGUF file.

use std::path::Path;
use std::sync::Arc;

use super::{GgufError, GgufHeader, MappedFile, Metadata, TensorInfo};

/// A GGUF file: its header parsed, its tensor data mapped and read only when used.
#[derive(Debug)]
pub struct GgufFile {
    map: Arc<MappedFile>,
    header: GgufHeader,
}

impl GgufFile {
    /// Maps the file and parses its header.
    ///
    /// # Errors
    /// [`GgufError::File`] if it cannot be opened, [`GgufError::Format`] if it is not a sound file.
    pub fn open(path: &Path) -> Result<Self, GgufError> {
        let map = Arc::new(MappedFile::open(path)?);
        let header = GgufHeader::parse(map.bytes(), path)?;
        Ok(Self { map, header })
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        self.map.path()
    }

    /// The mapped bytes.
    pub fn map(&self) -> &Arc<MappedFile> {
        &self.map
    }

    /// The metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.header.metadata
    }

    /// The tensors, in file order.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.header.tensors
    }

    /// The tensor with this name.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.header.tensors.iter().find(|info| info.name == name)
    }
}
