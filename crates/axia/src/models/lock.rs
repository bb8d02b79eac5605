use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

use fs4::{FileExt, TryLockError};

use super::files::create_folder;
use super::{ModelError, Watch};

/// How often a waiting process looks whether the lock is free.
const POLL: Duration = Duration::from_millis(200);

/// An exclusive lock between processes and threads, held until dropped.
///
/// The system releases it when its process ends, however that happens. The
/// file stays behind: to delete it would race with the next holder.
#[derive(Debug)]
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits for the lock at `path`; tells the user if `what` is busy.
    pub(super) fn acquire(
        path: &Path,
        what: &str,
        variable: &'static str,
        watch: &mut Watch,
    ) -> Result<Self, ModelError> {
        if let Some(folder) = path.parent() {
            create_folder(folder, variable)?;
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(|e| ModelError::io("open the lock", path, variable, e))?;
        let mut told = false;
        loop {
            match FileExt::try_lock(&file) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(e)) => {
                    return Err(ModelError::io("lock", path, variable, e));
                }
            }
            if !told {
                watch.note(&format!("waiting for another process to get {what}"));
                told = true;
            }
            watch.pause(POLL)?;
        }
    }
}
