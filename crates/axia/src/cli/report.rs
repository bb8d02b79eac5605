//! `axia report`: rebuild a report, or compare two runs.

use super::failure::Outcome;
use crate::report;
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
    #[arg(long, default_value = "comparison.html")]
    out: PathBuf,
    /// Print the results as JSON too
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: ReportArgs) -> Outcome {
    if let Some([a, b]) = args.compare.as_deref() {
        report::write_comparison(&args.out, &report::read(a)?, &report::read(b)?)?;
        println!("{}", args.out.display());
        return Ok(());
    }
    let dir = args.dir.unwrap_or_default();
    let summary = report::read(&dir)?;
    report::write(&dir, &summary)?;
    if args.json {
        let text = serde_json::to_string_pretty(&summary);
        println!("{}", text.map_err(super::failure::Failure::failed)?);
    } else {
        println!("{}", dir.join("report.html").display());
    }
    Ok(())
}
