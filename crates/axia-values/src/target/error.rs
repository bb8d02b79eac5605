//! Errors of targets and of training ratings.

use std::io;

use crate::rating::NotARating;
use crate::taxonomy::UnknownValue;

/// Why a target could not be read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The file could not be read.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file is neither valid TOML nor valid JSON of the expected shape.
    #[error("{file}: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// What the parser said, with line and column.
        message: String,
    },
    /// The file was written by a newer version of the format.
    #[error(
        "{file}, field `format_version`: version {found} is not supported; this program reads \
         {supported}"
    )]
    FormatVersion {
        /// The file.
        file: String,
        /// Version in the file.
        found: u32,
        /// Newest version that this program reads.
        supported: u32,
    },
    /// A name under `ratings` is no value.
    #[error("{file}, field `ratings`: {source}; put traits of other questionnaires under `traits`")]
    UnknownValue {
        /// The file.
        file: String,
        /// The name and the nearest valid one.
        source: UnknownValue,
    },
    /// A rating is not one of 1 to 6.
    #[error("{file}, `{key}`: {source}")]
    Rating {
        /// The file.
        file: String,
        /// The value or trait.
        key: String,
        /// The number.
        source: NotARating,
    },
    /// Two values of the same level give a value different ratings.
    #[error(
        "{file}, field `ratings`: `{value}` gets two different ratings; give it a rating of its \
         own"
    )]
    Conflict {
        /// The file.
        file: String,
        /// The value that both contain.
        value: String,
    },
    /// The target names nothing.
    #[error("{file}: the target rates no value; add at least one under `ratings`")]
    Empty {
        /// The file.
        file: String,
    },
    /// The instrument has no item of the target.
    #[error("the instrument has no item that measures {target}; it measures {}", .measured.join(", "))]
    NotMeasured {
        /// Name of the target.
        target: String,
        /// The dimensions of the instrument.
        measured: Vec<String>,
    },
    /// An item to be trained on has no baseline rating.
    #[error(
        "item `{item}` has no baseline rating; profile the respondent on the train split first"
    )]
    NoBaseline {
        /// Id of the item.
        item: String,
    },
}
