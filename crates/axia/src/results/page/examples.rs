//! Items with everybody's answers.

use axia_values::instrument::Dimension;
use serde::Serialize;

use crate::report::figure::rating_bars;
use crate::report::words::fixed;
use crate::report::{Cast, Member};
use crate::study::summary::{Example, RunSummary};

/// An item and its answers.
#[derive(Debug, Serialize)]
pub(super) struct ExampleRow {
    item: String,
    label: String,
    is_target: bool,
    statement: String,
    /// In the order of the respondents; nothing from who did not answer.
    answers: Vec<Option<Answer>>,
}

#[derive(Debug, Serialize)]
struct Answer {
    rating: String,
    /// For sorting.
    value: f64,
    bars: Option<String>,
}

/// The items, targets first, each group in its own order.
pub(super) fn rows(summary: &RunSummary, cast: &Cast<'_>) -> Vec<ExampleRow> {
    let targets = summary.examples.iter().filter(|example| example.is_target);
    let others = summary.examples.iter().filter(|example| !example.is_target);
    targets.chain(others).map(|example| row(example, cast)).collect()
}

fn row(example: &Example, cast: &Cast<'_>) -> ExampleRow {
    let answer = |member: &Member<'_>| {
        let index = example.ratings.iter().position(|(name, _)| name == member.name)?;
        let (_, rating) = example.ratings.get(index)?;
        let probabilities = example.probabilities.get(index);
        Some(Answer {
            rating: fixed(*rating, 2),
            value: *rating,
            bars: probabilities.map(|probabilities| rating_bars(probabilities, member.style)),
        })
    };
    ExampleRow {
        item: example.item.clone(),
        label: Dimension::from_key(&example.dimension).label().to_owned(),
        is_target: example.is_target,
        statement: example.statement.clone(),
        answers: cast.members.iter().map(answer).collect(),
    }
}
