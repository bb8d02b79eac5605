//! Folders that appear whole or not at all.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::file_error::FileError;

/// What the names of files and folders begin with while they are written.
pub const DRAFT_PREFIX: &str = ".axia-";

/// A hidden folder beside the one that is to be written; it takes that one's place once it is whole, and
/// is removed when dropped before.
pub(crate) struct FolderDraft {
    draft: TempDir,
    folder: PathBuf,
    parent: PathBuf,
}

impl FolderDraft {
    /// An empty draft of `folder`, whose parents are created.
    pub fn of(folder: &Path) -> Result<Self, FileError> {
        let parent = match folder.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        fs::create_dir_all(&parent).map_err(FileError::on("create", &parent))?;
        let draft = new_folder_in(&parent)?;
        Ok(Self { draft, folder: folder.to_owned(), parent })
    }

    /// Where a file of the folder is to be written for now.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.draft.path().join(name)
    }

    /// Where it will be; what messages name.
    pub fn final_path_of(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file, to the disk.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<(), FileError> {
        // A rename may reach the disk before the contents do, unless they are flushed first.
        fs::File::create(self.path_of(name))
            .and_then(|mut file| {
                file.write_all(contents)?;
                file.sync_all()
            })
            .map_err(FileError::on("write", &self.final_path_of(name)))
    }

    /// Moves the draft into place. A folder cannot be renamed over one with files in it, so an old one
    /// steps aside first; it comes back if the new one cannot take its place, and is removed otherwise.
    pub fn commit(self) -> Result<(), FileError> {
        let aside = new_folder_in(&self.parent)?;
        let old = aside.path().join("old");
        let folder = &self.folder;
        let replaces = folder.exists();
        if replaces {
            fs::rename(folder, &old).map_err(FileError::on("replace", folder))?;
        }
        if let Err(error) = fs::rename(self.draft.path(), folder) {
            if replaces {
                fs::rename(&old, folder).map_err(FileError::on("restore", folder))?;
            }
            return Err(FileError::on("create", folder)(error));
        }
        // It has moved: there is nothing left to remove.
        let _ = self.draft.keep();
        Ok(())
    }
}

/// A hidden folder with a name of its own; it is removed when dropped unless it has been renamed.
fn new_folder_in(parent: &Path) -> Result<TempDir, FileError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(DRAFT_PREFIX);
    #[cfg(unix)]
    {
        // The folder is to be as readable as one made by hand; the default is for the owner alone.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    builder.tempdir_in(parent).map_err(FileError::on("create a folder in", parent))
}

/// Whether `folder` can be written without losing anything: it is not there, or empty.
pub(crate) fn is_free(folder: &Path) -> bool {
    !folder.exists() || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}
