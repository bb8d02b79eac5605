//! Errors of reading and writing sets of dilemmas.

use std::io;

use crate::place::Place;

/// Why a set of dilemmas could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DilemmaError {
    /// A file or folder could not be read.
    #[error("{place}: {source}")]
    Io {
        /// The file or folder.
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
    /// A file of JSON lines does not begin with the header.
    #[error(
        "{place}: expected the header {{\"format\":\"axia-dilemmas\",\"format_version\":1,\
         \"name\":\"…\",\"licence\":null}}, one dilemma a line below it"
    )]
    NoHeader {
        /// File and line.
        place: Place,
    },
    /// The file was written by a newer version of the format.
    #[error("{place}: format_version {found} is not supported; this program reads {supported}")]
    FormatVersion {
        /// File, line and field.
        place: Place,
        /// Version in the file.
        found: u64,
        /// Newest version that this program reads.
        supported: u64,
    },
    /// Two files of one folder have different headers.
    #[error("{place}: found {found}, but {first} says {expected}; a set has one header")]
    HeaderMismatch {
        /// File, line and field.
        place: Place,
        /// What stands there.
        found: String,
        /// The folder's first file.
        first: Place,
        /// What stands in the first file.
        expected: String,
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
    /// A field that the format does not have.
    #[error("{place}: the format has no such field{}", did_you_mean(.suggestion.as_deref()))]
    UnknownField {
        /// File, line, item and field.
        place: Place,
        /// The nearest field of the format, if one is near.
        suggestion: Option<String>,
    },
    /// Two dilemmas have the same id.
    #[error("{place}: the id is already used at {first}; ids must differ")]
    DuplicateId {
        /// The second dilemma.
        place: Place,
        /// The first dilemma.
        first: Place,
    },
    /// There is nothing to judge.
    #[error("{place}: there is no usable dilemma{}{why}", if .why.is_empty() { "" } else { ": " })]
    Empty {
        /// The file or folder.
        place: Place,
        /// What became of the rows, if there were any.
        why: String,
    },
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}
