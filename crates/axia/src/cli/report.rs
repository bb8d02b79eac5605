//! `axia report`: rebuild a report, or compare two runs.

use super::failure::Outcome;
use super::failure::{print, print_json};
use crate::results;
use clap::Args;
use std::path::PathBuf;

/// Rebuild the report of a run, or compare two runs
///
/// Examples:
///   axia report runs/power
///   axia report --compare runs/power runs/benevolence --out comparison.html
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct ReportArgs {
    /// Folder of the run
    #[arg(required_unless_present = "compare")]
    dir: Option<PathBuf>,
    /// Two run folders to set side by side
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with = "dir")]
    compare: Option<Vec<PathBuf>>,
    /// Where the comparison goes
    #[arg(long, default_value = "comparison.html", conflicts_with = "dir")]
    out: PathBuf,
    /// Print the results as JSON
    #[arg(long, conflicts_with = "compare")]
    json: bool,
}

/// Runs the command.
pub fn run(args: ReportArgs) -> Outcome {
    if let Some([a, b]) = args.compare.as_deref() {
        results::write_comparison(&args.out, &results::read(a)?, &results::read(b)?)?;
        return print(format!("{}\n", args.out.display()));
    }
    let dir = args.dir.unwrap_or_default();
    let summary = results::read(&dir)?;
    results::write(&dir, &summary)?;
    if args.json {
        print_json(&summary)
    } else {
        print(format!("{}\n", dir.join("report.html").display()))
    }
}
