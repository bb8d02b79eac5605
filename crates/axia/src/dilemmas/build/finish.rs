//! From annotations to the data set and its card.

use std::io::{self, Write as _};

use axia_engine::error::FileError;
use axia_values::dilemma::DilemmaSet;
use serde_json::json;

use super::card::{
    AnnotationCard, Card, FORMAT_VERSION, SetCard, by_basic_value, by_refined_value, is_consistent,
};
use super::{BuildFolder, markdown};
use crate::dilemmas::annotate::{Annotation, AnnotationSettings, annotations, set_aside};
use crate::dilemmas::{BuildError, FilterSummary};
use crate::files::{HashWriter, sha256};

const DILEMMAS: &str = "dilemmas.jsonl";
const CARD: &str = "card.json";
const CARD_MARKDOWN: &str = "card.md";

/// Settings of the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishSettings {
    /// Most dilemmas of a basic value.
    pub cap: usize,
    /// Seed of the draw where there are more.
    pub seed: u64,
}

impl Default for FinishSettings {
    fn default() -> Self {
        Self { cap: 500, seed: 0 }
    }
}

/// Writes the data set and its card from all annotations so far; gives the card. What was written
/// before is replaced.
///
/// Annotations that depended on the order of the labels are left out.
///
/// # Errors
/// [`BuildError::File`], [`BuildError::Annotate`], [`BuildError::Set`].
pub fn finish(
    folder: &BuildFolder,
    filter: &FilterSummary,
    how: &AnnotationSettings,
    settings: FinishSettings,
) -> Result<Card, BuildError> {
    let rows = annotations(folder.path())?;
    let others = set_aside(folder.path())?;
    let hash = hash_of(folder, &rows)?;
    let candidates = filter.counts.candidates;
    let card = Card {
        format_version: FORMAT_VERSION,
        axia_version: env!("CARGO_PKG_VERSION").to_owned(),
        filter: filter.clone(),
        annotation: AnnotationCard::new(json!(how), candidates, &rows, &others, hash),
        dilemmas: write_set(folder, filter, rows, settings)?,
    };
    folder.write(CARD, &card)?;
    folder.write_text(CARD_MARKDOWN, &markdown::render(&card))?;
    Ok(card)
}

/// Writes the consistent annotations as a set, if there are any.
fn write_set(
    folder: &BuildFolder,
    filter: &FilterSummary,
    rows: Vec<Annotation>,
    settings: FinishSettings,
) -> Result<Option<SetCard>, BuildError> {
    let consistent = rows.into_iter().filter(is_consistent);
    let all = DilemmaSet {
        name: filter.settings.subreddit.clone(),
        licence: None,
        dilemmas: consistent.map(|row| row.dilemma).collect(),
    };
    if all.dilemmas.is_empty() {
        return Ok(None);
    }
    let set = all.capped(settings.cap, settings.seed);
    let text = set.to_jsonl()?;
    folder.write_text(DILEMMAS, &text)?;
    Ok(Some(SetCard {
        cap: settings.cap,
        seed: settings.seed,
        annotated: all.dilemmas.len() as u64,
        dilemmas: set.dilemmas.len() as u64,
        basic: by_basic_value(&all.dilemmas, &set.dilemmas),
        values: by_refined_value(&set.dilemmas),
        content_hash: set.content_hash(),
        sha256: sha256(text.as_bytes()),
    }))
}

/// SHA-256 of the annotations as lines, whatever the order in which they came.
fn hash_of(folder: &BuildFolder, rows: &[Annotation]) -> Result<String, BuildError> {
    let mut digest = HashWriter::default();
    for row in rows {
        let written = serde_json::to_writer(&mut digest, row).map_err(io::Error::from);
        let ended = written.and_then(|()| digest.write_all(b"\n"));
        ended.map_err(FileError::on("hash the annotations in", folder.path()))?;
    }
    Ok(digest.finish())
}
