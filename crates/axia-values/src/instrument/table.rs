//! Plain tables of items: CSV, TSV and JSON lines with a statement and a value a row.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::draft::{Checked, Draft, Header, assemble};
use super::load::SplitRule;
use super::{Instrument, InstrumentError, Place};
use crate::source_text::stem;

/// Field of a draft → the columns that may hold it, best first. Other columns are ignored.
const COLUMNS: [(&str, &[&str]); 9] = [
    ("id", &["id"]),
    ("value", &["value", "refined_value"]),
    ("dimension", &["dimension", "trait", "scale"]),
    ("facet", &["facet"]),
    ("split", &["split"]),
    ("domain", &["domain"]),
    ("statement", &["statement", "sentence", "item", "text"]),
    ("contrast", &["contrast", "negative_sentence"]),
    ("reversed", &["reversed", "reverse"]),
];

type Fields = BTreeMap<String, String>;

pub(super) fn parse_csv(
    text: &str,
    source: &str,
    delimiter: u8,
    splits: SplitRule,
) -> Result<Instrument, InstrumentError> {
    let place = Place::file(source);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let columns: Vec<String> = reader
        .headers()
        .map_err(|error| syntax_error(&error, &place))?
        .iter()
        .map(str::to_lowercase)
        .collect();
    let mut items = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| syntax_error(&error, &place))?;
        let line = record.position().map_or(index + 2, |position| position.line() as usize);
        let cells = record.iter().map(str::to_owned);
        let fields = columns.iter().cloned().zip(cells).collect();
        items.push(check(&fields, place.clone().at_line(line))?);
    }
    finish(items, source, splits)
}

pub(super) fn parse_jsonl(
    text: &str,
    source: &str,
    splits: SplitRule,
) -> Result<Instrument, InstrumentError> {
    let mut items = Vec::new();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for (index, line) in lines {
        let place = Place::file(source).at_line(index + 1);
        let row: serde_json::Map<String, Json> = serde_json::from_str(line).map_err(|error| {
            InstrumentError::Syntax { place: place.clone(), message: error.to_string() }
        })?;
        let fields = row
            .iter()
            .filter_map(|(key, value)| Some((key.trim().to_lowercase(), cell(value)?)))
            .collect();
        items.push(check(&fields, place)?);
    }
    finish(items, source, splits)
}

/// A JSON value as it would stand in a CSV cell; nothing for null and for nested values.
fn cell(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Bool(_) | Json::Number(_) => Some(value.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn check(fields: &Fields, mut place: Place) -> Result<Checked, InstrumentError> {
    let take = |field: &str| {
        let (_, columns) = COLUMNS.iter().find(|(name, _)| *name == field)?;
        columns
            .iter()
            .filter_map(|column| fields.get(*column))
            .find(|cell| !cell.trim().is_empty())
            .cloned()
    };
    let id = take("id");
    if let Some(id) = &id {
        place = place.in_item(id);
    }
    let draft = Draft {
        id,
        value: take("value"),
        dimension: take("dimension"),
        facet: take("facet"),
        split: take("split"),
        domain: take("domain"),
        statement: take("statement"),
        contrast: take("contrast"),
        reversed: read_reversed(take("reversed"), &place)?,
    };
    draft.check(place)
}

fn read_reversed(cell: Option<String>, place: &Place) -> Result<bool, InstrumentError> {
    let Some(found) = cell else { return Ok(false) };
    match found.to_lowercase().as_str() {
        "true" | "yes" | "1" | "-1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(InstrumentError::InvalidField {
            place: place.clone().in_field("reversed"),
            found,
            expected: "true or false",
        }),
    }
}

fn finish(
    items: Vec<Checked>,
    source: &str,
    splits: SplitRule,
) -> Result<Instrument, InstrumentError> {
    let name = stem(source);
    let header = Header { title: name.clone(), name, ..Header::default() };
    assemble(header, &Place::file(source), items, splits)
}

/// A message of the CSV reader, without the place that it repeats.
pub(super) fn syntax_error(error: &csv::Error, place: &Place) -> InstrumentError {
    let place = match error.position() {
        Some(position) => place.clone().at_line(position.line() as usize),
        None => place.clone(),
    };
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} cells, the header {expected_len}")
        }
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        _ => error.to_string(),
    };
    InstrumentError::Syntax { place, message }
}
