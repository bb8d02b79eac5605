//! Preference pairs: a statement and its contrast, one of them preferred.

use crate::instrument::{Instrument, Item, Split};
use crate::rating::Rating;
use crate::target::{Target, TargetError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::str::FromStr;

/// What is preferred on the items that are no target.
#[derive(Debug, Clone, Copy)]
pub enum Anchors<'a> {
    /// Always the statement.
    Statement,
    /// What the respondent itself leans to: the statement from baseline rating 4 on, else the
    /// contrast. By item id.
    Baseline(&'a BTreeMap<String, Rating>),
}

/// Two answers to a neutral question, of which one is preferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreferencePair<'a> {
    /// The item.
    pub item: &'a Item,
    /// A question that names neither the value nor a position.
    pub prompt: String,
    /// The preferred answer.
    pub chosen: &'a str,
    /// The other answer.
    pub rejected: &'a str,
    /// Whether it is a pair of the target; else it is an anchor.
    pub is_target: bool,
}

/// A pair for each item of one split. On target items with a goal of at most 3 the contrast is
/// preferred, else the statement (the other way round if the item is reverse-keyed); all other
/// items are anchors. Without a target all pairs are anchors: the matched control.
///
/// # Errors
/// [`ExportError::NoContrast`] for an item without a contrast; [`TargetError`] if the target has
/// no item in the split, or a baseline is missing.
pub fn preference_pairs<'a>(
    instrument: &'a Instrument,
    split: Split,
    target: Option<&Target>,
    anchors: Anchors<'_>,
) -> Result<Vec<PreferencePair<'a>>, ExportError> {
    let pairs = instrument
        .split(split)
        .map(|item| pair(item, target, anchors))
        .collect::<Result<Vec<_>, _>>()?;
    match target {
        Some(target) if !pairs.iter().any(|pair| pair.is_target) => Err(TargetError::NotMeasured {
            target: target.name.clone(),
            measured: instrument.dimensions().iter().map(ToString::to_string).collect(),
        }
        .into()),
        _ => Ok(pairs),
    }
}

fn pair<'a>(
    item: &'a Item,
    target: Option<&Target>,
    anchors: Anchors<'_>,
) -> Result<PreferencePair<'a>, ExportError> {
    let contrast = item
        .contrast
        .as_deref()
        .ok_or_else(|| ExportError::NoContrast { item: item.id.clone() })?;
    let goal = target
        .and_then(|target| target.goal(&item.dimension))
        .map(|goal| goal.keyed(item.reversed));
    let rating = match (goal, anchors) {
        (Some(goal), _) => goal,
        (None, Anchors::Statement) => Rating::MAX,
        (None, Anchors::Baseline(ratings)) => ratings
            .get(&item.id)
            .copied()
            .ok_or_else(|| TargetError::NoBaseline { item: item.id.clone() })?,
    };
    let statement = item.statement.as_str();
    let (chosen, rejected) =
        if rating.get() <= 3 { (contrast, statement) } else { (statement, contrast) };
    let is_target = goal.is_some();
    Ok(PreferencePair { item, prompt: question(item), chosen, rejected, is_target })
}

/// Asks for an attitude in the item's area of life.
fn question(item: &Item) -> String {
    match &item.domain {
        Some(domain) => format!(
            "Think of everyday situations that have to do with {}. In one sentence, what would \
             you do, prefer or hold to?",
            domain.replace('-', " ")
        ),
        None => "Think of everyday situations. In one sentence, what would you do, prefer or \
                 hold to?"
            .to_owned(),
    }
}

#[derive(Serialize)]
struct Strings<'a> {
    prompt: &'a str,
    chosen: &'a str,
    rejected: &'a str,
}

#[derive(Serialize)]
struct Messages<'a> {
    prompt: [Message<'a>; 1],
    chosen: [Message<'a>; 1],
    rejected: [Message<'a>; 1],
}

/// Writes every pair as a line of JSON with `prompt`, `chosen` and `rejected`.
///
/// # Errors
/// [`ExportError::Io`] if writing fails.
pub fn write_preference_pairs(
    pairs: &[PreferencePair<'_>],
    shape: Shape,
    writer: &mut impl Write,
) -> Result<(), ExportError> {
    for PreferencePair { prompt, chosen, rejected, .. } in pairs {
        match shape {
            Shape::Strings => write_line(writer, &Strings { prompt, chosen, rejected })?,
            Shape::Messages => {
                let row = Messages {
                    prompt: [Message::user(prompt)],
                    chosen: [Message::assistant(chosen)],
                    rejected: [Message::assistant(rejected)],
                };
                write_line(writer, &row)?;
            }
        }
    }
    Ok(())
}

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
