//! Errors of loading and of playing.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// What kind of mistake stopped an expression or a command.
///
/// The kinds are those that Python distinguishes, because the benchmark's own interpreter is
/// written in it and its games are known by them; [`FaultKind::Limit`] is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The text is not an expression.
    Syntax,
    /// The text is indented where it must not be.
    Indentation,
    /// A variable or function is not defined.
    Name,
    /// A value has the wrong type.
    Type,
    /// A value has the right type, but cannot be used.
    Value,
    /// A position lies outside a text or list, or a word is missing from a command.
    Index,
    /// A scene, label or variable is not there.
    Key,
    /// Division by zero.
    ZeroDivision,
    /// A rule of the game format is broken.
    Assertion,
    /// A value has no such part.
    Attribute,
    /// A number is too large for the operation.
    Overflow,
    /// An operation refuses its operands.
    Runtime,
    /// A limit of this interpreter was reached.
    Limit,
}

impl FaultKind {
    /// The name of the exception that upstream raises; `LimitError` for ours.
    pub fn exception(self) -> &'static str {
        match self {
            Self::Syntax => "SyntaxError",
            Self::Indentation => "IndentationError",
            Self::Name => "NameError",
            Self::Type => "TypeError",
            Self::Value => "ValueError",
            Self::Index => "IndexError",
            Self::Key => "KeyError",
            Self::ZeroDivision => "ZeroDivisionError",
            Self::Assertion => "AssertionError",
            Self::Attribute => "AttributeError",
            Self::Overflow => "OverflowError",
            Self::Runtime => "RuntimeError",
            Self::Limit => "LimitError",
        }
    }
}

/// A mistake, not yet tied to a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of mistake.
    pub kind: FaultKind,
    /// What was found, and what to do about it.
    pub message: Box<str>,
    /// The piece of the line at fault, where it is known; its position gives the column.
    pub fragment: Option<Box<str>>,
}

impl Fault {
    /// A fault of `kind`.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into().into_boxed_str(), fragment: None }
    }

    /// The same fault, about this piece of the line, unless a smaller piece is already known.
    pub fn about(mut self, fragment: &str) -> Self {
        if self.fragment.is_none() && !fragment.trim().is_empty() {
            self.fragment = Some(fragment.trim().into());
        }
        self
    }
}

/// A place in a game: scene, line and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the scene.
    pub scene: String,
    /// Line in the scene's file, from 1; 0 where the source gives none.
    pub row: u32,
    /// Column in that line, from 1, counted in characters.
    pub column: u32,
    /// Index of the line among the scene's lines that are not blank, from 0.
    pub index: usize,
    /// The line's text.
    pub text: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.row == 0 {
            write!(f, "{}, line index {}", self.scene, self.index)?;
        } else {
            write!(f, "{}.txt:{}:{}", self.scene, self.row, self.column)?;
        }
        if self.text.is_empty() { Ok(()) } else { write!(f, " `{}`", shorten(&self.text)) }
    }
}

/// At most 80 characters of `text`.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A game that could not go on, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {} ({})", fault.message, fault.kind.exception())]
pub struct PlayError {
    /// Where.
    pub place: Place,
    /// What.
    pub fault: Fault,
}

/// Why an action was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StepError {
    /// The game failed.
    #[error(transparent)]
    Play(#[from] PlayError),
    /// There is no such option.
    #[error("action {action} is not one of the {choices} options (0 … {})", choices.saturating_sub(1))]
    Action {
        /// The action asked for.
        action: usize,
        /// How many options there are.
        choices: usize,
    },
    /// The game is over.
    #[error("the game has ended: reset it before the next action")]
    Ended,
}

/// Why a game could not be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file could not be read.
    #[error("failed to read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: {message}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found and what to do.
        message: String,
    },
    /// No such game.
    #[error("{path}: no game called `{name}`{}", suggestion(hint.as_deref()))]
    UnknownGame {
        /// The file or folder searched.
        path: PathBuf,
        /// The name asked for.
        name: String,
        /// The nearest name there is.
        hint: Option<String>,
    },
    /// A scene is wrong.
    #[error(transparent)]
    Scene(#[from] PlayError),
    /// The scenes of a game of one's own are wrong in several places.
    #[error("{count} mistakes in the game; the first: {first}")]
    Scenes {
        /// How many mistakes.
        count: usize,
        /// The first of them.
        first: Box<PlayError>,
    },
}

fn suggestion(hint: Option<&str>) -> String {
    hint.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// The name nearest to `wanted`, if any is near.
pub(crate) fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_play_error_names_its_place() {
        let place = Place {
            scene: "quay".into(),
            row: 12,
            column: 6,
            index: 10,
            text: "*set coin (1 / 0)".into(),
        };
        let fault = Fault::new(FaultKind::ZeroDivision, "division by zero").about("(1 / 0)");
        let error = PlayError { place, fault };
        assert_eq!(
            error.to_string(),
            "quay.txt:12:6 `*set coin (1 / 0)`: division by zero (ZeroDivisionError)"
        );
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        assert_eq!(nearest("harbor", ["hearing", "harbour"]).as_deref(), Some("harbour"));
        assert_eq!(nearest("zzz", ["hearing", "harbour"]), None);
    }
}
