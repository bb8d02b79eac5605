//! Putting model cards into adapter folders.

use std::path::Path;

use super::model_card;
use crate::files::write_whole;
use crate::report::ReportError;
use crate::study::summary::RunSummary;

/// Writes the card of every adapter of the run in `dir` whose folder is there.
///
/// # Errors
/// [`ReportError`] if a card cannot be written.
pub(crate) fn write_cards(dir: &Path, summary: &RunSummary) -> Result<(), ReportError> {
    for respondent in &summary.respondents {
        let folder = dir.join("adapters").join(&respondent.name);
        if !folder.join("adapter_config.json").is_file() {
            continue;
        }
        if let Some(card) = model_card(summary, &respondent.name) {
            let path = folder.join("README.md");
            write_whole(&path, card.as_bytes()).map_err(|e| ReportError::io("write", &path, e))?;
        }
    }
    Ok(())
}
