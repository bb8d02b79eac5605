//! Compiled kernels on disk.

use super::compile::{Architecture, Compiled, compile, nvrtc_version};
use super::error::CudaError;
use super::sources::Source;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Compiled kernels in a folder, by the hash of all that they depend on. A folder that cannot be
/// read or written only costs the time to compile.
#[derive(Debug, Clone)]
pub struct KernelCache {
    folder: Option<PathBuf>,
}

impl KernelCache {
    /// A cache in `folder`, which is made when needed; `None` keeps nothing.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// `source` compiled for `architecture`.
    ///
    /// # Errors
    /// As of [`compile`].
    pub fn get(&self, source: &Source, architecture: Architecture) -> Result<Compiled, CudaError> {
        let version = nvrtc_version()?;
        self.get_or(&key(&source.text(), architecture, version), || compile(source, architecture))
    }

    fn get_or(
        &self,
        key: &str,
        make: impl FnOnce() -> Result<Compiled, CudaError>,
    ) -> Result<Compiled, CudaError> {
        let Some(folder) = &self.folder else { return make() };
        let path = folder.join(format!("{key}.bin"));
        if let Some(code) = std::fs::read(&path).ok().and_then(|bytes| unsealed(&bytes)) {
            return Ok(Compiled(code));
        }
        let made = make()?;
        // A full or read-only disk is no reason to compute nothing.
        let _ = keep(folder, &path, &made.0);
        Ok(made)
    }
}

/// Hash of everything that compiled code depends on, in hexadecimal.
fn key(text: &str, architecture: Architecture, (major, minor): (u32, u32)) -> String {
    let text = format!("1\nsm {architecture}\nnvrtc {major}.{minor}\n{text}");
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The code of a file that holds it whole: its hash comes first.
fn unsealed(file: &[u8]) -> Option<Vec<u8>> {
    let (seal, code) = file.split_at_checked(32)?;
    (Sha256::digest(code).as_slice() == seal).then(|| code.to_vec())
}

fn keep(folder: &Path, path: &Path, code: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&Sha256::digest(code))?;
    file.write_all(code)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SM_90: Architecture = Architecture { major: 9, minor: 0 };

    #[test]
    fn keys_tell_texts_architectures_and_compilers_apart() {
        let key_of = |text, minor, nvrtc| key(text, Architecture { minor, ..SM_90 }, nvrtc);
        let keys = [
            key_of("a", 0, (12, 9)),
            key_of("b", 0, (12, 9)),
            key_of("a", 1, (12, 9)),
            key_of("a", 0, (13, 0)),
        ];
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        assert_eq!(keys[0], key_of("a", 0, (12, 9)));
    }

    #[test]
    fn what_was_made_is_found_again_unless_it_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let cache = KernelCache::new(Some(folder.path().join("new")));
        let make = || Ok(Compiled(vec![1, 2, 3]));
        let never = || panic!("compiled twice");
        assert_eq!(cache.get_or("k", make).unwrap().0, [1, 2, 3]);
        assert_eq!(cache.get_or("k", never).unwrap().0, [1, 2, 3]);
        let file = folder.path().join("new/k.bin");
        let mut bytes = std::fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&file, &bytes).unwrap();
        assert_eq!(cache.get_or("k", make).unwrap().0, [1, 2, 3]);
        assert_eq!(KernelCache::new(None).get_or("k", make).unwrap().0, [1, 2, 3]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_costs_only_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let cache = KernelCache::new(Some(file.path().to_owned()));
        assert_eq!(cache.get_or("k", || Ok(Compiled(vec![7]))).unwrap().0, [7]);
    }
}
