//! Files that appear whole or not at all, their hashes, and what JSON files differ in.

use axia_engine::DRAFT_PREFIX;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::io::{self, Write};
use std::path::Path;
use tempfile::NamedTempFile;

/// Writes `bytes` to `path`: first to a temporary file beside it, then renamed.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_beside(path, bytes)?.persist(path)?;
    Ok(())
}

/// Writes `bytes` to a temporary file in the folder of `path`, on the disk and ready to be renamed.
pub(crate) fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = temporary_beside(path)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// An empty temporary file in the folder of `path`.
pub(crate) fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(DRAFT_PREFIX);
    share(&mut builder);
    builder.tempfile_in(folder_of(path))
}

/// The folder that `path` lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Temporary files are private; what is written here is for whoever the user's umask admits.
#[cfg(unix)]
fn share(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt as _;
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn share(_builder: &mut tempfile::Builder<'_, '_>) {}

/// A SHA-256 of all that is written to it.
#[derive(Default)]
pub(crate) struct HashWriter(Sha256);

impl HashWriter {
    /// The hash in hexadecimal.
    pub(crate) fn finish(self) -> String {
        hexadecimal(&self.0.finalize())
    }
}

impl Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// SHA-256 of `bytes` in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first place where two JSON values differ, in words; `at` is the path to them.
pub(crate) fn difference(at: &str, found: &Value, wanted: &Value) -> Option<String> {
    if let (Value::Object(a), Value::Object(b)) = (found, wanted) {
        let keys = a.keys().chain(b.keys().filter(|k| !a.contains_key(*k)));
        let none = &Value::Null;
        return keys.into_iter().find_map(|key| {
            let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            difference(&path, a.get(key).unwrap_or(none), b.get(key).unwrap_or(none))
        });
    }
    (found != wanted).then(|| format!("{at} was {found} and now is {wanted}"))
}
