//! Where a command's data goes: standard output, or a file that is whole or absent.

use crate::cli::failure::{Failure, Outcome};
use crate::cli::stdout::print;
use crate::files::{folder_of, write_beside};
use anyhow::anyhow;
use clap::Args;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use tempfile::PersistError;

/// The destination of data.
#[derive(Debug, Clone, Args)]
pub struct Output {
    /// File to write; by default the data goes to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite the file if it exists
    #[arg(long, requires = "out")]
    force: bool,
}

impl Output {
    /// Fails early if the file may not be written.
    pub fn check(&self) -> Outcome {
        match &self.out {
            Some(path) if !self.force && path.symlink_metadata().is_ok() => Err(exists(path)),
            _ => Ok(()),
        }
    }

    /// Writes the data and, where it went to a file, reports it as `what` on standard error.
    pub fn write(&self, data: &[u8], what: &str) -> Outcome {
        let Some(path) = &self.out else { return print(data) };
        let failed = |error: io::Error| {
            Failure::failed(error).while_trying(format!("write `{}`", path.display()))
        };
        fs::create_dir_all(folder_of(path)).map_err(failed)?;
        let file = write_beside(path, data).map_err(failed)?;
        let persisted = if self.force { file.persist(path) } else { file.persist_noclobber(path) };
        persisted.map_err(|PersistError { error, .. }| match error.kind() {
            // Someone created the file meanwhile.
            ErrorKind::AlreadyExists => exists(path),
            _ => failed(error),
        })?;
        eprintln!("wrote {what} to `{}`", path.display());
        Ok(())
    }
}
fn exists(path: &Path) -> Failure {
    Failure::input(anyhow!("`{}` exists; choose another --out or add --force", path.display()))
}
