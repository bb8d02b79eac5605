//! `axia data import-dilemmas` and `export-dilemmas`: moral dilemmas in and out.

use super::output::Output;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::judging_args::read_dilemmas;
use axia_values::dilemma::DilemmaSet;
use clap::Args;
use std::path::PathBuf;

/// Convert dilemmas of the public JSON to axia's JSON lines
///
/// Rows that cannot be used (duplicates, equal stances, unknown values) are kept out and listed on
/// standard error, each with its place.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  axia data import-dilemmas aita.json --out aita.jsonl")]
pub struct ImportDilemmasArgs {
    /// File or folder to read
    file: PathBuf,
    /// Name of the set; by default the file's
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// Write dilemmas as the public JSON
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  axia data export-dilemmas --out dilemmas.json")]
pub struct ExportDilemmasArgs {
    /// File or folder to read; by default the bundled set
    file: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// Runs `import-dilemmas`.
pub fn import(args: ImportDilemmasArgs) -> Outcome {
    args.output.check()?;
    let mut set = read_dilemmas(&args.file)?;
    set.name = args.name.unwrap_or(set.name);
    let text = set.to_jsonl().map_err(Failure::input)?;
    args.output.write(text.as_bytes(), &format!("{} dilemmas", set.dilemmas.len()))
}

/// Runs `export-dilemmas`.
pub fn export(args: ExportDilemmasArgs) -> Outcome {
    args.output.check()?;
    let set = match &args.file {
        Some(path) => read_dilemmas(path)?,
        None => DilemmaSet::bundled().clone(),
    };
    let text = set.to_public_json().map_err(Failure::input)?;
    args.output.write(text.as_bytes(), &format!("{} dilemmas", set.dilemmas.len()))
}
