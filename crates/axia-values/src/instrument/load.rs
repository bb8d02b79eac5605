//! Reading an instrument of any format from a file.

use std::fs;
use std::path::Path;

use super::{Instrument, InstrumentError, Place, native, public_json, table, valuebench};
use crate::source_text;

/// The formats that instruments come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// This crate's TOML (`.toml`).
    Native,
    /// The JSON of published value surveys (`.json`): `tasks`, `response_template`, `train`,
    /// `eval`, `test`.
    PublicJson,
    /// The CSV of ValueBench: `questionnaire`, `item`, `value`, `agreement`. Holds many
    /// questionnaires.
    ValueBench,
    /// Any CSV with the columns `statement` and `value` (or `dimension`).
    Csv,
    /// The same with tabs (`.tsv`).
    Tsv,
    /// The same as one JSON object a line (`.jsonl`, `.ndjson`).
    Jsonl,
}

/// How items without a split are assigned to one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum SplitRule {
    /// All to `test`: measured, never trained on.
    #[default]
    AllTest,
    /// At random within every dimension, reproducibly.
    Seeded {
        /// Seed of the shuffle.
        seed: u64,
        /// Share of every dimension's items for training, 0 to 1.
        train: f64,
        /// Share for validation, 0 to 1; the rest is for the test.
        validation: f64,
    },
}

/// Choices in importing other people's files; the defaults suit most.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// The format, if the file's name does not tell.
    pub format: Option<Format>,
    /// Which questionnaire to take from a collection of several.
    pub questionnaire: Option<String>,
    /// What to do with items that belong to no split.
    pub splits: SplitRule,
    /// Name of the instrument instead of the file's.
    pub name: Option<String>,
}

impl Instrument {
    /// Reads an instrument from a file in any of the [`Format`]s. Item files of a native
    /// instrument are read from beside it.
    ///
    /// # Errors
    /// [`InstrumentError`] that names file, line, item and field.
    pub fn load(path: &Path, options: &ImportOptions) -> Result<Self, InstrumentError> {
        let shown = path.display().to_string();
        let bytes = read(path, &shown)?;
        let format = match options.format {
            Some(format) => format,
            None => detect(path, &bytes)
                .ok_or_else(|| InstrumentError::UnknownFormat { place: Place::file(&shown) })?,
        };
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let mut item_file = |name: &str| {
            let path = folder.join(name);
            let shown = path.display().to_string();
            read(&path, &shown).and_then(|bytes| decode(&bytes, &shown).map(str::to_owned))
        };
        Self::parse(&bytes, &shown, format, options, &mut item_file)
    }

    /// Reads an instrument from the bytes of a file. `source` names the file in messages and,
    /// by its stem, the instrument; `item_file` gives the text of the files that a native
    /// instrument refers to.
    ///
    /// # Errors
    /// [`InstrumentError`] that names file, line, item and field.
    pub fn parse(
        bytes: &[u8],
        source: &str,
        format: Format,
        options: &ImportOptions,
        item_file: &mut dyn FnMut(&str) -> Result<String, InstrumentError>,
    ) -> Result<Self, InstrumentError> {
        let text = decode(bytes, source)?;
        let mut instrument = match format {
            Format::Native => native::parse(text, source, item_file),
            Format::PublicJson => public_json::parse(text, source),
            Format::ValueBench => valuebench::parse(text, source, options),
            Format::Csv => table::parse_csv(text, source, b',', options.splits),
            Format::Tsv => table::parse_csv(text, source, b'\t', options.splits),
            Format::Jsonl => table::parse_jsonl(text, source, options.splits),
        }?;
        if let Some(name) = &options.name {
            instrument.name.clone_from(name);
        }
        Ok(instrument)
    }
}

fn read(path: &Path, shown: &str) -> Result<Vec<u8>, InstrumentError> {
    fs::read(path).map_err(|source| InstrumentError::Io { place: Place::file(shown), source })
}

fn decode<'a>(bytes: &'a [u8], source: &str) -> Result<&'a str, InstrumentError> {
    source_text::decode(bytes).map_err(|line| InstrumentError::Syntax {
        place: Place::file(source).at_line(line),
        message: source_text::NOT_UTF8.to_owned(),
    })
}

fn detect(path: &Path, bytes: &[u8]) -> Option<Format> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "toml" => Some(Format::Native),
        "json" => Some(Format::PublicJson),
        "jsonl" | "ndjson" => Some(Format::Jsonl),
        "tsv" => Some(Format::Tsv),
        "csv" if valuebench::is_header(bytes) => Some(Format::ValueBench),
        "csv" => Some(Format::Csv),
        _ => None,
    }
}
