//! The files of a report.

use std::fs;
use std::io;
use std::path::Path;

use axia_values::judgement::{GainMatrix, JudgementShift};
use axia_values::profile::Profile;
use axia_values::shift::DomainShift;
use serde::Deserialize;
use serde_json::Value;

use super::card::write_cards;
use super::{compare, page, table, upgrade};
use crate::files::write_whole;
use crate::report::ReportError;
use crate::stage::judgement::{JudgementShiftSummary, matrix_page};
use crate::study::summary::RunSummary;

const PAGE: &str = "report.html";
const TABLE: &str = "results.csv";
const RESULTS: &str = "results.json";

/// Writes `report.html`, `results.csv` and `results.json` into `dir`, which is created if need
/// be, and the model cards of the adapters that are there. Each file appears whole or not at all.
///
/// # Errors
/// [`ReportError`] if a number is not finite or a file cannot be written.
pub fn write(dir: &Path, summary: &RunSummary) -> Result<(), ReportError> {
    let files = [
        (RESULTS, to_json(summary)?.into_bytes()),
        (TABLE, table::csv(summary)?),
        (PAGE, page::report(summary)?.into_bytes()),
    ];
    fs::create_dir_all(dir).map_err(|e| ReportError::io("create the folder", dir, e))?;
    files.iter().try_for_each(|(name, bytes)| write_file(&dir.join(name), bytes))?;
    write_cards(dir, summary)
}

/// Reads the `results.json` of a run's folder.
///
/// # Errors
/// [`ReportError`] if it is missing, malformed (naming the field and the line) or of another
/// format version.
pub fn read(dir: &Path) -> Result<RunSummary, ReportError> {
    let path = dir.join(RESULTS);
    let text = fs::read_to_string(&path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => {
            ReportError::NoResults { path: path.clone(), folder: dir.to_path_buf() }
        }
        _ => ReportError::io("read", &path, e),
    })?;
    let malformed = |source: serde_json::Error| {
        let line = line_of(&text, &source);
        ReportError::Malformed { path: path.clone(), source, line }
    };
    // The version first: a file of another version may well lack fields of this one.
    let header: Header = serde_json::from_str(&text).map_err(malformed)?;
    let summary: RunSummary = if header.format_version == 1 {
        let mut results: Value = serde_json::from_str(&text).map_err(malformed)?;
        upgrade::from_version_1(&mut results);
        serde_json::from_value(results).map_err(malformed)?
    } else {
        let supported = RunSummary::FORMAT_VERSION;
        check_version(&path, "format_version", &header.format_version, supported)?;
        serde_json::from_str(&text).map_err(malformed)?
    };
    check_parts(&path, &summary)?;
    Ok(summary)
}

/// Writes the page that compares two runs.
///
/// # Errors
/// [`ReportError`] if it cannot be written.
pub fn write_comparison(path: &Path, a: &RunSummary, b: &RunSummary) -> Result<(), ReportError> {
    write_page(path, &compare(a, b)?)
}

/// Writes the page of a matrix of steered values × values of posts.
///
/// # Errors
/// [`ReportError`] if it cannot be written.
pub fn write_matrix(path: &Path, matrix: &GainMatrix, title: &str) -> Result<(), ReportError> {
    write_page(path, &matrix_page(matrix, title)?)
}

fn write_page(path: &Path, page: &str) -> Result<(), ReportError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|e| ReportError::io("create the folder", parent, e))?;
    }
    write_file(path, page.as_bytes())
}

/// The one field that every version has.
#[derive(Deserialize)]
struct Header {
    format_version: Value,
}

fn check_version(
    path: &Path,
    part: &str,
    found: &Value,
    supported: u32,
) -> Result<(), ReportError> {
    if found.as_u64() == Some(u64::from(supported)) {
        return Ok(());
    }
    let (path, part, found) = (path.to_path_buf(), part.to_owned(), found.to_string());
    Err(ReportError::Version { path, part, found, supported })
}

/// Profiles, shifts and judgements have versions of their own.
fn check_parts(path: &Path, summary: &RunSummary) -> Result<(), ReportError> {
    for respondent in &summary.respondents {
        let part = format!("format_version of the profile of `{}`", respondent.name);
        let found = respondent.profile.format_version.into();
        check_version(path, &part, &found, Profile::FORMAT_VERSION)?;
    }
    for shift in &summary.shifts {
        let part = format!("format_version of the shift of `{}`", shift.respondent);
        let found = shift.shift.format_version.into();
        check_version(path, &part, &found, DomainShift::FORMAT_VERSION)?;
    }
    let judged = summary.stages.judgement.iter().flat_map(|judgement| &judgement.shifts);
    for JudgementShiftSummary { respondent, against_control, against_base, .. } in judged {
        for (reference, shift) in [("control", against_control), ("base", against_base)] {
            let part = format!(
                "format_version of the judgements of `{respondent}` against the {reference}"
            );
            let found = shift.format_version.into();
            check_version(path, &part, &found, JudgementShift::FORMAT_VERSION)?;
        }
    }
    Ok(())
}

/// JSON that is known to read back: numbers that are not finite are stored as null, which no
/// reader would accept.
fn to_json(summary: &RunSummary) -> Result<String, ReportError> {
    let broken = |text: &str, source: serde_json::Error| {
        let line = line_of(text, &source);
        ReportError::NotFinite { source, line }
    };
    let text = serde_json::to_string_pretty(summary).map_err(|e| broken("", e))?;
    serde_json::from_str::<RunSummary>(&text).map_err(|e| broken(&text, e))?;
    Ok(text + "\n")
}

/// The line that an error points at, cut to a readable length.
fn line_of(text: &str, error: &serde_json::Error) -> String {
    let line = error.line().checked_sub(1).and_then(|index| text.lines().nth(index));
    match line.map(str::trim).filter(|line| line.len() > 1) {
        Some(line) => format!(": `{}`", crate::text::shortened(line, 80)),
        None => String::new(),
    }
}

/// Writes to a temporary file beside `path`, then renames it: what has the final name is whole.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    write_whole(path, bytes).map_err(|e| ReportError::io("write", path, e))
}
