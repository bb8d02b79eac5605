//! Errors of reading and writing instruments.

use std::io;

use super::TemplateError;
use crate::place::Place;
use crate::taxonomy::UnknownValue;

/// Why an instrument could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstrumentError {
    /// A file could not be read or written.
    #[error("{place}: {source}")]
    Io {
        /// The file.
        place: Place,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not follow the syntax of its format.
    #[error("{place}: {message}")]
    Syntax {
        /// File and, where known, line.
        place: Place,
        /// What the parser said.
        message: String,
    },
    /// The format of a file cannot be told from its name.
    #[error(
        "{place}: the format cannot be told from the file's name; use an ending among .toml, \
         .json, .jsonl, .csv, .tsv, or name the format"
    )]
    UnknownFormat {
        /// The file.
        place: Place,
    },
    /// The file was written by a newer version of the format.
    #[error("{place}: format_version {found} is not supported; this program reads {supported}")]
    FormatVersion {
        /// The file.
        place: Place,
        /// Version in the file.
        found: u32,
        /// Newest version that this program reads.
        supported: u32,
    },
    /// A required field is absent or blank.
    #[error("{place}: the field is missing or empty; give it a value")]
    MissingField {
        /// File, line, item and field.
        place: Place,
    },
    /// A field holds something that it cannot mean.
    #[error("{place}: found `{found}`, expected {expected}")]
    InvalidField {
        /// File, line, item and field.
        place: Place,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// A value that the taxonomy does not know.
    #[error("{place}: {source}; name a trait of another theory in `dimension` instead of `value`")]
    UnknownValue {
        /// File, line, item and field.
        place: Place,
        /// The name and the nearest valid one.
        source: UnknownValue,
    },
    /// Two items have the same id.
    #[error("{place}: the id is already used at {first}; ids must differ")]
    DuplicateId {
        /// The second item.
        place: Place,
        /// The first item.
        first: Place,
    },
    /// A response template without exactly one place for the rating.
    #[error("{place}: {source}")]
    Template {
        /// File, line and field.
        place: Place,
        /// What is wrong with the template.
        source: TemplateError,
    },
    /// There is nothing to ask.
    #[error("{place}: there are no {what}; an instrument needs at least one")]
    Empty {
        /// The file.
        place: Place,
        /// What is lacking: items, instructions or templates.
        what: &'static str,
    },
    /// A collection of questionnaires holds none of the requested name.
    #[error("{place}: {problem}; it holds {}", .available.join(", "))]
    Questionnaire {
        /// The file.
        place: Place,
        /// What is wrong with the choice.
        problem: String,
        /// Names of the questionnaires in the file.
        available: Vec<String>,
    },
    /// The instrument cannot be expressed in the format asked for.
    #[error("{place}: {problem}")]
    NotExpressible {
        /// The item and field.
        place: Place,
        /// What the format lacks.
        problem: &'static str,
    },
}
