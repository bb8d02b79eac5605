//! Reading a set of either format from a file or a folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::draft::{Draft, Header, assemble};
use super::report::ImportReport;
use super::{DilemmaError, DilemmaImport, DilemmaSet, native, public_json};
use crate::place::Place;
use crate::source_text;

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
    if is_jsonl(Path::new(source)) || native::is_header(first) {
        native::parse(text, source)
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
