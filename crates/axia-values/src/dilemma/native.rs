//! The JSON lines of this crate: a header, then one dilemma a line.

use serde::Serialize;
use serde_json::Value as Json;

use super::draft::{Draft, Header};
use super::fields::Fields;
use super::{DilemmaError, DilemmaSet, Justification};
use crate::place::Place;
use crate::taxonomy::shorten;

/// What the header's field `format` says.
const FORMAT: &str = "axia-dilemmas";
/// Version of the format that this crate writes, and the newest that it reads.
const FORMAT_VERSION: u64 = 1;
/// Fields of the header.
const HEADER_FIELDS: [&str; 4] = ["format", "format_version", "name", "licence"];
/// Fields of a dilemma.
const FIELDS: [&str; 7] =
    ["id", "value", "high_stance", "low_stance", "post", "justification", "provenance"];

/// Whether a line may be the header: an object with the field `format`.
pub(super) fn is_header(line: &str) -> bool {
    matches!(serde_json::from_str(line), Ok(Json::Object(map)) if map.contains_key("format"))
}

pub(super) fn parse(text: &str, source: &str) -> Result<(Header, Vec<Draft>), DilemmaError> {
    let place = |index: usize| Place::file(source).at_line(index + 1);
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let header = match lines.next() {
        Some((index, line)) if is_header(line) => parse_header(line, place(index))?,
        first => {
            let line = first.map_or(0, |(index, _)| index);
            return Err(DilemmaError::NoHeader { place: place(line) });
        }
    };
    let drafts = lines.map(|(index, line)| parse_row(line, place(index)));
    Ok((header, drafts.collect::<Result<_, _>>()?))
}

fn parse_object(line: &str, place: Place) -> Result<Fields, DilemmaError> {
    let json = serde_json::from_str(line).map_err(|error| syntax_error(&error, &place))?;
    Fields::new(json, place)
}

/// What the JSON reader says of a single line, whose number it does not know.
fn syntax_error(error: &serde_json::Error, place: &Place) -> DilemmaError {
    let text = error.to_string();
    let message = match text.split_once(" at line ") {
        Some((message, _)) => format!("{message} at column {}", error.column()),
        None => text,
    };
    DilemmaError::Syntax { place: place.clone(), message }
}

fn parse_header(line: &str, place: Place) -> Result<Header, DilemmaError> {
    let mut fields = parse_object(line, place)?;
    let format = fields.text("format")?;
    if format.text != FORMAT {
        return Err(DilemmaError::InvalidField {
            place: format.place,
            found: shorten(&format.text),
            expected: FORMAT,
        });
    }
    let place = fields.place.clone().in_field("format_version");
    match fields.number("format_version")? {
        None => return Err(DilemmaError::MissingField { place }),
        Some(found) if found > FORMAT_VERSION => {
            return Err(DilemmaError::FormatVersion { place, found, supported: FORMAT_VERSION });
        }
        Some(_) => (),
    }
    let name = fields.name("name")?;
    let licence = fields.optional("licence")?.map(|placed| placed.text);
    fields.finish(&HEADER_FIELDS)?;
    Ok(Header { name, licence })
}

fn parse_row(line: &str, place: Place) -> Result<Draft, DilemmaError> {
    let mut fields = parse_object(line, place)?;
    let id = fields.name("id")?;
    fields.place = fields.place.in_item(&shorten(&id));
    let draft = Draft {
        place: fields.place.clone(),
        id: Some(id),
        list: None,
        value: fields.text("value")?,
        high_stance: fields.text("high_stance")?,
        low_stance: fields.text("low_stance")?,
        post: fields.text("post")?.text,
        justification: fields.read::<Justification>("justification")?,
        provenance: fields.read("provenance")?,
    };
    fields.finish(&FIELDS)?;
    Ok(draft)
}

/// The written form of the header.
#[derive(Serialize)]
struct WrittenHeader<'a> {
    format: &'static str,
    format_version: u64,
    name: &'a str,
    licence: Option<&'a str>,
}

impl DilemmaSet {
    /// The set as one file of this crate's JSON lines, which [`DilemmaSet::read`] reads back.
    ///
    /// # Errors
    /// If the set is not valid, see [`DilemmaSet::validate`].
    pub fn to_jsonl(&self) -> Result<String, DilemmaError> {
        self.validate()?;
        let header = WrittenHeader {
            format: FORMAT,
            format_version: FORMAT_VERSION,
            name: &self.name,
            licence: self.licence.as_deref(),
        };
        let mut text = String::new();
        self.write_line(&header, &mut text)?;
        self.dilemmas.iter().try_for_each(|dilemma| self.write_line(dilemma, &mut text))?;
        Ok(text)
    }

    fn write_line(&self, row: &impl Serialize, text: &mut String) -> Result<(), DilemmaError> {
        let line = serde_json::to_string(row).map_err(|error| DilemmaError::Syntax {
            place: Place::file(&self.name),
            message: error.to_string(),
        })?;
        text.push_str(&line);
        text.push('\n');
        Ok(())
    }
}
