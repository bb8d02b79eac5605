//! How the adapters were trained.

use crate::study::{Anchors, Pull};
use axia_engine::train::{Softmax, StopReason};
use serde::Serialize;

use crate::report::Cast;
use crate::report::Figure;
use crate::report::figure::{CurveAxes, curves};
use crate::report::words::{NOTHING, count, duration, fixed, grouped};
use crate::study::summary::{RunSummary, TrainingSummary};

/// A row of the table of training runs.
#[derive(Debug, Serialize)]
pub(super) struct TrainingRow {
    respondent: String,
    class: String,
    rows: String,
    steps: String,
    tokens: String,
    unique_tokens: String,
    saving: String,
    parameters: String,
    time: String,
    ended: &'static str,
}

/// The loss of every adapter, on common axes.
pub(super) fn figures(summary: &RunSummary, cast: &Cast<'_>) -> Vec<Figure> {
    let axes = CurveAxes::new(summary.training.iter().map(|training| &training.history));
    let draw = |training: &TrainingSummary| {
        let name = &training.respondent;
        let svg = curves(name, cast.style(name), &training.history, axes)?;
        Some(Figure { svg, title: name.clone() })
    };
    summary.training.iter().filter_map(draw).collect()
}

/// How steering was taught, in sentences.
pub(super) fn method(summary: &RunSummary) -> String {
    let Some(Anchors::Soft { softmax, pull }) = summary.anchors else {
        return "Steering is fine-tuning on survey answers: the target’s items get the goal as their \
                rating, and all other items keep the model’s own baseline rating. Every token of an \
                answer is taught: the rating, the text after it, and the end of sequence."
            .to_owned();
    };
    let share = match softmax {
        Softmax::Candidates => {
            "the six ratings alone (q = softmax over their log-likelihoods), so that a label which is \
             the model’s own distribution has no gradient and nothing else about the answer is taught"
        }
        Softmax::Vocabulary => {
            "the whole vocabulary, so that probability is also drawn from all other tokens to the \
             ratings"
        }
    };
    let target = match pull {
        Pull::End => "all weight on the goal’s rating".to_owned(),
        Pull::Tilt(slope) => format!(
            "the base’s distribution tilted towards the goal, w(r) ∝ p(r)·exp(±λr) with λ = {slope} (all \
             weight on a goal between the ends of the scale)"
        ),
    };
    format!(
        "Steering is fine-tuning on survey answers, at the rating’s position alone. A row’s loss is \
         the cross-entropy −Σ w(r)·log q(r) of its label w over the six ratings, with q a share of \
         {share}. Rows of the target’s items have {target}; every other row keeps the base’s own \
         distribution for that very item, instruction and template as its label (soft anchors)."
    )
}

/// What the matched control is.
pub(super) fn control_method(summary: &RunSummary) -> &'static str {
    if summary.training.iter().any(|training| training.stopped == StopReason::NothingToLearn) {
        return "The matched control has the same rows with the base’s answers everywhere. Those have \
                no gradient, so that it stays what the base is: training as such changes nothing, and \
                whatever the steered model does otherwise is due to the target’s labels.";
    }
    "The matched control is trained on the same rows in the same order for as many steps, with the \
     base’s answers everywhere, so that the difference between the two is due to the target’s labels \
     and not to training as such."
}

/// What the loss curves show.
pub(super) fn loss(summary: &RunSummary) -> &'static str {
    match summary.anchors {
        Some(Anchors::Soft { .. }) => {
            "Mean cross-entropy of the rows’ labels; that of a label that is met exactly is its \
             entropy, so that the loss does not go to zero"
        }
        _ => "Mean of −log p over the tokens of the answers",
    }
}

pub(super) fn rows(summary: &RunSummary, cast: &Cast<'_>) -> Vec<TrainingRow> {
    summary.training.iter().map(|training| row(training, cast)).collect()
}

fn row(training: &TrainingSummary, cast: &Cast<'_>) -> TrainingRow {
    let whole = |number: usize| grouped(number as u64);
    // A run that was stopped before its first step has seen no token.
    let ratio = training.tokens as f64 / training.unique_tokens.max(1) as f64;
    TrainingRow {
        respondent: training.respondent.clone(),
        class: cast.style(&training.respondent).class(),
        rows: whole(training.rows),
        steps: whole(training.history.steps.len()),
        tokens: whole(training.tokens),
        unique_tokens: whole(training.unique_tokens),
        saving: match training.tokens {
            0 => NOTHING.to_owned(),
            _ => format!("{}×", fixed(ratio, 1)),
        },
        parameters: count(training.parameters as u64),
        time: duration(training.seconds),
        ended: match training.stopped {
            StopReason::Finished => "all steps taken",
            StopReason::EarlyStopping => "validation loss stopped falling",
            StopReason::NothingToLearn => "nothing to learn: labels are the base’s own",
        },
    }
}
