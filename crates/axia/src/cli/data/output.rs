//! Where a command's data goes: standard output, or a file that is whole or absent.

use crate::cli::failure::print;
use crate::cli::failure::{Failure, Outcome};
use crate::files::{folder_of, write_beside};
use anyhow::anyhow;
use axia_values::instrument::{Dimension, Instrument, Item};
use axia_values::taxonomy::{Facet, Value};
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

/// The trait of this survey, or the value of any level, that `name` means.
///
/// Traits go first: those of other theories may bear the names of values.
pub fn find_dimension(survey: &Instrument, name: &str) -> Outcome<Dimension> {
    let measured = survey.dimensions();
    let wanted = name.trim();
    let own = measured.iter().find(|dimension| match dimension {
        Dimension::Named(name) => name.eq_ignore_ascii_case(wanted),
        Dimension::Value(_) => false,
    });
    if let Some(dimension) = own {
        return Ok(dimension.clone());
    }
    let dimension = match wanted.parse::<Value>() {
        Ok(value) => Dimension::Value(value),
        Err(error) => {
            return Err(Failure::input(anyhow!(
                "--value: {error}; the survey measures {}",
                keys(&measured)
            )));
        }
    };
    if measured.iter().any(|own| is_part(own, &dimension)) {
        return Ok(dimension);
    }
    Err(Failure::input(anyhow!(
        "--value {dimension}: no item measures it; the survey measures {}",
        keys(&measured)
    )))
}

/// Whether a dimension is `whole` or one of the values that `whole` consists of.
pub fn is_part(dimension: &Dimension, whole: &Dimension) -> bool {
    match (dimension, whole) {
        (Dimension::Value(part), Dimension::Value(whole)) => whole.covers(*part),
        _ => dimension == whole,
    }
}

/// The facet that `name` means, as the items spell it.
pub fn find_facet(survey: &Instrument, name: &str) -> Outcome<String> {
    let of = |item: &Item, name: &str| {
        item.facet.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name))
    };
    let wanted = match Facet::find(name) {
        Ok(facet) => facet.name,
        Err(_) if survey.items.iter().any(|item| of(item, name.trim())) => name.trim(),
        Err(error) => return Err(Failure::input(anyhow!("--facet: {error}"))),
    };
    let mut facets = survey.items.iter().filter(|item| of(item, wanted));
    match facets.find_map(|item| item.facet.clone()) {
        Some(facet) => Ok(facet),
        None => Err(Failure::input(anyhow!("--facet {wanted}: no item of the survey has it"))),
    }
}

fn keys(dimensions: &[Dimension]) -> String {
    dimensions.iter().map(Dimension::key).collect::<Vec<_>>().join(", ")
}
