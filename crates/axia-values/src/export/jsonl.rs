//! JSON lines in TRL's shapes.

use std::io::{self, Write};
use std::str::FromStr;

use serde::Serialize;

use crate::target::TargetError;

/// How prompts and answers are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// Plain strings: `prompt` and `completion`, or `prompt`, `chosen` and `rejected`.
    #[default]
    Strings,
    /// Conversations: lists of `{"role", "content"}` messages.
    Messages,
}

impl FromStr for Shape {
    type Err = UnknownShape;

    fn from_str(name: &str) -> Result<Self, UnknownShape> {
        match name.trim().to_lowercase().as_str() {
            "strings" => Ok(Self::Strings),
            "messages" => Ok(Self::Messages),
            _ => Err(UnknownShape(name.to_owned())),
        }
    }
}

/// A word that is no shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown shape `{0}`; use strings or messages")]
pub struct UnknownShape(pub String);

/// Why training data could not be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The lines could not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The target does not fit the instrument.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// An item without a contrast cannot become a preference pair.
    #[error("item `{item}` has no contrast statement; preference pairs need one for every item")]
    NoContrast {
        /// Id of the item.
        item: String,
    },
}

/// One message of a conversation.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

impl<'a> Message<'a> {
    pub const fn user(content: &'a str) -> Self {
        Self { role: "user", content }
    }

    pub const fn assistant(content: &'a str) -> Self {
        Self { role: "assistant", content }
    }
}

/// Writes one row as a line of JSON.
pub(super) fn write_line(writer: &mut impl Write, row: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *writer, row)?;
    writer.write_all(b"\n")
}
