//! The plain-language answer to "does it judge differently?", from the numbers.

use axia_values::judgement::JudgementShift;
use axia_values::stats::{Estimate, MIN_EXAMPLES, SampleSummary};
use axia_values::target::Direction;

use crate::report::words::{gain, gain_with_interval, p_value, posts};
use crate::report::{Outcome, Verdict, subject};
use crate::stage::judgement::JudgementShiftSummary;

/// Judges one steered respondent's judgements against its control's.
pub(super) fn gain_verdict(summary: &JudgementShiftSummary) -> Verdict {
    let shift = &summary.against_control;
    let subject = subject(&summary.title);
    let Some(own) = shift.on_target.as_ref().map(|own| &own.full) else {
        let all = &shift.overall.full;
        let sentence = format!(
            "None of the posts is about {subject}. On all {} the probability gain against the \
             matched control is {}{}.",
            posts(all.clusters),
            gain_with_interval(&all.weighted),
            if includes_zero(&all.weighted) { ", an interval that includes zero" } else { "" }
        );
        return Verdict { outcome: Outcome::Unclear, answer: "Not measured.".into(), sentence };
    };
    let outcome = Outcome::of(&own.weighted);
    let steered = format!("Steered {} on {subject}, the model", shift.direction.slug());
    let sentence = format!("{steered} {}.{}", movement(own, outcome, shift), others(shift));
    Verdict { outcome, answer: answer(own, outcome).into(), sentence }
}

const fn answer(own: &SampleSummary, outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Moved if own.underpowered => "Yes, on few posts.",
        Outcome::Moved => "Yes.",
        Outcome::Unclear => "No effect is shown.",
        Outcome::Opposite => "No: it moved against the prediction.",
        Outcome::NoInterval => "Too few posts to tell.",
    }
}

fn movement(own: &SampleSummary, outcome: Outcome, shift: &JudgementShift) -> String {
    let people = match shift.direction {
        Direction::Down => "people do to whom it means little",
        Direction::Up => "people do to whom it is dear",
    };
    let measure = format!(
        "probability gain {} against the matched control ({})",
        gain_with_interval(&own.weighted),
        evidence(own)
    );
    match outcome {
        Outcome::Moved => format!("judges posts about it more as {people}: {measure}"),
        Outcome::Opposite => format!("judges posts about it less as {people}: {measure}"),
        Outcome::Unclear => format!(
            "is not shown to judge posts about it otherwise: {measure}, an interval that \
             includes zero"
        ),
        Outcome::NoInterval => format!(
            "was asked about one post on it only: probability gain {} against the matched \
             control; there is no interval, and chance cannot be told from effect",
            gain(own.weighted.value)
        ),
    }
}

/// `one-sided p = 0.012, 20 posts: underpowered, fewer than 30`.
fn evidence(sample: &SampleSummary) -> String {
    let p = match p_value(sample.p_positive) {
        small if small.starts_with('<') => small,
        p => format!("= {p}"),
    };
    let power = match sample.underpowered {
        true => format!(": underpowered, fewer than {MIN_EXAMPLES}"),
        false => String::new(),
    };
    format!("one-sided p {p}, {}{power}", posts(sample.clusters))
}

/// What happened to the other posts, as a sentence of its own.
fn others(shift: &JudgementShift) -> String {
    let Some(other) = shift.off_target.as_ref().map(|other| &other.full) else {
        return String::new();
    };
    let so = if includes_zero(&other.weighted) {
        "an interval that includes zero"
    } else if other.weighted.value > 0.0 {
        "so other judgements moved along"
    } else {
        "so other judgements moved against it"
    };
    let measure = gain_with_interval(&other.weighted);
    format!(" On the other {} the gain is {measure}, {so}.", posts(other.clusters))
}

fn includes_zero(estimate: &Estimate) -> bool {
    estimate.low <= 0.0 && estimate.high >= 0.0
}
