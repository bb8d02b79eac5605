//! Rows for supervised fine-tuning on the survey.

use std::io::Write;

use serde::Serialize;

use super::preference::{Message, write_line};
use super::{ExportError, Shape};
use crate::target::{TrainingRow, TrainingRows};

/// Which of the two matched training sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// The target's ratings on its items, baseline ratings elsewhere.
    Steered,
    /// Baseline ratings everywhere.
    Control,
}

#[derive(Serialize)]
struct Strings<'a> {
    prompt: &'a str,
    completion: &'a str,
}

#[derive(Serialize)]
struct Messages<'a> {
    messages: [Message<'a>; 2],
}

/// Writes every training row as a line of JSON and returns their number.
///
/// [`Shape::Strings`] gives `{"prompt", "completion"}`, cut before the rating;
/// [`Shape::Messages`] gives `{"messages"}` with the question from the user and the whole answer
/// from the assistant.
///
/// # Errors
/// [`ExportError::Io`] if writing fails.
pub fn write_supervised_rows(
    rows: &TrainingRows<'_>,
    arm: Arm,
    shape: Shape,
    writer: &mut impl Write,
) -> Result<usize, ExportError> {
    let mut count = 0;
    for row in rows.iter() {
        write_row(&row, arm, shape, writer)?;
        count += 1;
    }
    Ok(count)
}

fn write_row(
    TrainingRow { rated, row, .. }: &TrainingRow<'_>,
    arm: Arm,
    shape: Shape,
    writer: &mut impl Write,
) -> Result<(), ExportError> {
    let rating = match arm {
        Arm::Steered => rated.steered,
        Arm::Control => rated.control,
    };
    let completion = row.completion(rating.get());
    match shape {
        Shape::Strings => {
            write_line(writer, &Strings { prompt: &row.prompt(), completion: &completion })?;
        }
        Shape::Messages => {
            let answer = format!("{}{completion}", row.before);
            let messages =
                [Message::user(&row.instruction_and_statement), Message::assistant(&answer)];
            write_line(writer, &Messages { messages })?;
        }
    }
    Ok(())
}
