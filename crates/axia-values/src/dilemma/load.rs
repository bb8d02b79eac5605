//! Reading a set of either format from a file or a folder.

use super::draft::{Draft, Fields, Header, assemble};
use super::report::ImportReport;
use super::{DilemmaError, DilemmaImport, DilemmaSet, Justification, public_json};
use crate::place::Place;
use crate::source_text;
use crate::taxonomy::shorten;
use serde::Serialize;
use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};

impl DilemmaSet {
    /// Reads a set from a file, or from all `.jsonl` files of a folder in the order of their
    /// names. The format is told from the content: this crate's JSON lines, which begin with a
    /// header, or the JSON of published sets, `{value: [{post, value, high_standard_stance, …}]}`.
    ///
    /// Rows that cannot be used (a verdict or value that means nothing, one verdict for both kinds
    /// of people, no text, the same post under the same value again) are kept out and listed.
    /// Fields that are missing or of the wrong type are errors.
    ///
    /// # Errors
    /// [`DilemmaError`] that names file, line or row, and field; [`DilemmaError::Empty`] if there
    /// is no usable row.
    pub fn read(path: &Path) -> Result<DilemmaImport, DilemmaError> {
        let files = if path.is_dir() { files_of(path)? } else { vec![path.to_owned()] };
        let contents = files
            .iter()
            .map(|file| {
                let bytes = fs::read(file).map_err(|source| io_error(file, source))?;
                Ok((file.display().to_string(), bytes))
            })
            .collect::<Result<Vec<_>, DilemmaError>>()?;
        let files: Vec<(&str, &[u8])> =
            contents.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        Self::parse_files(&files, &path.display().to_string())
    }

    /// Reads a set from the bytes of a file. `source` names the file in messages and, for formats
    /// that do not name themselves, the set.
    ///
    /// # Errors
    /// As [`DilemmaSet::read`].
    pub fn parse(bytes: &[u8], source: &str) -> Result<DilemmaImport, DilemmaError> {
        Self::parse_files(&[(source, bytes)], source)
    }

    /// Reads a set from files, given as name and content, that all have the same header.
    pub(super) fn parse_files(
        files: &[(&str, &[u8])],
        source: &str,
    ) -> Result<DilemmaImport, DilemmaError> {
        let place = Place::file(source);
        let mut report = ImportReport { files: files.len(), ..ImportReport::default() };
        let mut drafts = Vec::new();
        let mut first: Option<(Header, Place)> = None;
        for (name, bytes) in files {
            let (header, rows) = parse_file(bytes, name, &mut report)?;
            drafts.extend(rows);
            match &first {
                None => first = Some((header, Place::file(name))),
                Some((expected, place)) => same_header(&header, name, expected, place)?,
            }
        }
        let Some((header, _)) = first else {
            let why = "the folder has no .jsonl file".to_owned();
            return Err(DilemmaError::Empty { place, why });
        };
        assemble(header, &place, report, drafts)
    }
}

fn io_error(path: &Path, source: std::io::Error) -> DilemmaError {
    DilemmaError::Io { place: Place::file(&path.display().to_string()), source }
}

fn is_jsonl(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    extension == "jsonl" || extension == "ndjson"
}

/// The files of a folder that hold JSON lines, by name.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>, DilemmaError> {
    let failed = |source| io_error(folder, source);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if is_jsonl(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn parse_file(
    bytes: &[u8],
    source: &str,
    report: &mut ImportReport,
) -> Result<(Header, Vec<Draft>), DilemmaError> {
    let text = source_text::decode(bytes).map_err(|line| DilemmaError::Syntax {
        place: Place::file(source).at_line(line),
        message: source_text::NOT_UTF8.to_owned(),
    })?;
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if is_jsonl(Path::new(source)) || is_header(first) {
        parse(text, source)
    } else {
        public_json::parse(text, source, report)
    }
}

fn same_header(
    found: &Header,
    source: &str,
    expected: &Header,
    first: &Place,
) -> Result<(), DilemmaError> {
    let mismatch = |field, found: Option<&str>, expected: Option<&str>| {
        let quote = |text: Option<&str>| text.map_or("none".to_owned(), |text| format!("`{text}`"));
        Err(DilemmaError::HeaderMismatch {
            place: Place::file(source).in_field(field),
            found: quote(found),
            first: first.clone(),
            expected: quote(expected),
        })
    };
    if found.name != expected.name {
        return mismatch("name", Some(&found.name), Some(&expected.name));
    }
    if found.licence != expected.licence {
        return mismatch("licence", found.licence.as_deref(), expected.licence.as_deref());
    }
    Ok(())
}

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
