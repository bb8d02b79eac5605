//! The CSV of ValueBench, a collection of psychometric questionnaires.

use serde::Deserialize;

use super::draft::{Checked, Draft, Header, assemble};
use super::load::ImportOptions;
use super::table::syntax_error;
use super::{Instrument, InstrumentError, Place};
use crate::taxonomy::{BasicValue, RefinedValue, Value, nearest};

const COLUMNS: [&str; 4] = ["questionnaire", "item", "value", "agreement"];

#[derive(Deserialize)]
struct Record {
    questionnaire: String,
    item: String,
    value: String,
    /// 1: agreeing expresses the trait; -1: the opposite.
    agreement: String,
}

/// Whether a CSV file has ValueBench's columns.
pub(super) fn is_header(bytes: &[u8]) -> bool {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let columns: Vec<&str> = line
        .trim_start_matches('\u{feff}')
        .split(',')
        .map(|column| column.trim().trim_matches('"'))
        .collect();
    COLUMNS.iter().all(|column| columns.contains(column))
}

pub(super) fn parse(
    text: &str,
    source: &str,
    options: &ImportOptions,
) -> Result<Instrument, InstrumentError> {
    let place = Place::file(source);
    let records = read_records(text, &place)?;
    let name = choose(&records, options.questionnaire.as_deref(), &place)?;
    let items = records
        .iter()
        .filter(|(_, record)| record.questionnaire == name)
        .enumerate()
        .map(|(index, (line, record))| check(record, index, place.clone().at_line(*line)))
        .collect::<Result<Vec<_>, _>>()?;
    let header = Header { title: name.clone(), name, ..Header::default() };
    assemble(header, &place, items, options.splits)
}

/// The records with their lines.
fn read_records(text: &str, place: &Place) -> Result<Vec<(usize, Record)>, InstrumentError> {
    let failed = |error: csv::Error| syntax_error(&error, place);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let columns = reader.headers().map_err(failed)?.clone();
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(failed)?;
        let line = record.position().map_or(1, |position| position.line() as usize);
        records.push((line, record.deserialize(Some(&columns)).map_err(failed)?));
    }
    Ok(records)
}

fn choose(
    records: &[(usize, Record)],
    wanted: Option<&str>,
    place: &Place,
) -> Result<String, InstrumentError> {
    let mut available: Vec<String> = Vec::new();
    for (_, record) in records {
        if !available.contains(&record.questionnaire) {
            available.push(record.questionnaire.clone());
        }
    }
    let problem = match (wanted.map(str::trim), available.as_slice()) {
        (_, []) => return Err(InstrumentError::Empty { place: place.clone(), what: "items" }),
        (None, [only]) => return Ok(only.clone()),
        (None, _) => "name one of its questionnaires".to_owned(),
        (Some(wanted), _) => {
            match available.iter().find(|name| name.eq_ignore_ascii_case(wanted)) {
                Some(name) => return Ok(name.clone()),
                None => unknown(wanted, &available),
            }
        }
    };
    Err(InstrumentError::Questionnaire { place: place.clone(), problem, available })
}

fn unknown(wanted: &str, available: &[String]) -> String {
    let hint = nearest(wanted, available.iter().map(String::as_str))
        .map(|name| format!(", did you mean `{name}`?"))
        .unwrap_or_default();
    format!("no questionnaire `{wanted}`{hint}")
}

fn check(record: &Record, index: usize, place: Place) -> Result<Checked, InstrumentError> {
    let id = format!("{}-{:03}", slug(&record.questionnaire), index + 1);
    let reversed = match record.agreement.as_str() {
        "1" => false,
        "-1" => true,
        found => {
            return Err(InstrumentError::InvalidField {
                place: place.in_item(&id).in_field("agreement"),
                found: found.to_owned(),
                expected: "1 or -1",
            });
        }
    };
    let value = schwartz_value(record);
    let dimension = value.is_none().then(|| record.value.clone());
    let draft = Draft {
        id: Some(id),
        value: value.map(|value| value.slug().to_owned()),
        dimension,
        statement: Some(record.item.clone()),
        reversed,
        ..Draft::default()
    };
    draft.check(place)
}

/// The human value of an item of a Portrait Values Questionnaire. Traits of other
/// questionnaires keep their own names even where they sound like one of Schwartz's values:
/// they come from other theories.
fn schwartz_value(record: &Record) -> Option<Value> {
    if !record.questionnaire.to_ascii_uppercase().starts_with("PVQ") {
        return None;
    }
    let basic = record.value.parse::<BasicValue>().map(Value::Basic);
    basic.or_else(|_| record.value.parse::<RefinedValue>().map(Value::Refined)).ok()
}

fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}
