//! The top of the page: the answer, the headline numbers, the facts.

use axia_values::shift::Averages;
use axia_values::stats::Estimate;
use serde::Serialize;
use std::borrow::Cow;

use crate::report::figure::{Style, interval_glyph};
use crate::report::words::{bytes, count, duration, fixed, grouped, interval};
use crate::report::{Cast, Member};
use crate::results::verdict::{Aim, profile_only, verdict};
use crate::study::summary::{RunSummary, ShiftSummary};

/// What the run found, for one steered respondent or for a run without steering.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    outcome: &'static str,
    answer: Cow<'static, str>,
    sentence: String,
    /// Nothing for a run without steering.
    respondent: Option<String>,
    title: String,
    class: String,
    tiles: Vec<Tile>,
}

/// A headline number.
#[derive(Debug, Serialize)]
struct Tile {
    name: &'static str,
    explanation: &'static str,
    value: String,
    interval: String,
    glyph: String,
}

/// The findings of a run.
pub(super) fn findings(summary: &RunSummary, cast: &Cast<'_>) -> Vec<Finding> {
    if summary.shifts.is_empty() {
        return cast.members.first().map(unsteered).into_iter().collect();
    }
    summary.shifts.iter().map(|shift| finding(shift, cast.style(&shift.respondent))).collect()
}

fn unsteered(member: &Member<'_>) -> Finding {
    Finding {
        outcome: "profile",
        answer: "".into(),
        sentence: profile_only(member.name, member.profile),
        respondent: None,
        title: String::new(),
        class: member.style.class(),
        tiles: Vec::new(),
    }
}

fn finding(shift: &ShiftSummary, style: Style) -> Finding {
    let verdict = verdict(shift);
    Finding {
        outcome: verdict.outcome.slug(),
        answer: verdict.answer,
        sentence: verdict.sentence,
        respondent: Some(shift.respondent.clone()),
        title: shift.title.clone(),
        class: style.class(),
        tiles: tiles(shift, style),
    }
}

fn tiles(shift: &ShiftSummary, style: Style) -> Vec<Tile> {
    let effects = &shift.shift.against_control;
    let macro_average = |averages: Averages| averages.macro_average;
    let numbers = [
        (
            Aim::of(effects).drop_name(),
            "points that the target moved towards its goal",
            Some(effects.target_drop.macro_average),
        ),
        (
            "Fluctuation",
            "points that the others moved, either way",
            effects.fluctuation.map(macro_average),
        ),
        ("Selectivity", "the first less the second", effects.selectivity.map(macro_average)),
    ];
    let all: Vec<Estimate> = numbers.iter().filter_map(|(.., estimate)| *estimate).collect();
    numbers
        .into_iter()
        .filter_map(|(name, explanation, estimate)| {
            let estimate = estimate?;
            Some(Tile {
                name,
                explanation,
                value: fixed(estimate.value, 2),
                interval: interval(&estimate),
                glyph: interval_glyph(&estimate, &all, style),
            })
        })
        .collect()
}

/// Facts about the run by name, for the top of the page.
pub(super) fn facts(summary: &RunSummary) -> Vec<(&'static str, String)> {
    let (model, survey) = (&summary.model, &summary.survey);
    let [train, validation, test] = survey.items.map(|items| grouped(items as u64));
    let sum = |of: fn(&axia_values::profile::Profile) -> usize| -> u64 {
        summary.respondents.iter().map(|one| of(&one.profile) as u64).sum()
    };
    let invalid = sum(|profile| profile.invalid);
    let replies = sum(|profile| profile.replies);
    let readout = summary.respondents.first().map(|one| one.profile.readout.slug());
    let seconds: f64 = summary.timings.iter().map(|(_, seconds)| seconds).sum();
    let mut facts = vec![
        ("Model", format!("{} ({})", model.name, model.architecture)),
        (
            "Size",
            format!(
                "{} weights, {} in {}",
                count(model.parameters),
                bytes(model.bytes),
                model.storage
            ),
        ),
        ("Questionnaire", survey.title.clone()),
        ("Items", format!("{train} to train on, {validation} to stop by, {test} held out")),
        (
            "Ways of asking",
            format!(
                "{} in training, {} in evaluation (of {} instructions × {} templates)",
                survey.train_variants, survey.test_variants, survey.instructions, survey.templates
            ),
        ),
    ];
    facts.extend(readout.map(|readout| ("Readout", format!("{readout} rating"))));
    facts.push((
        "Replies",
        format!(
            "{} from all respondents, {} of them without a rating",
            grouped(replies),
            grouped(invalid)
        ),
    ));
    facts.push(("Time", duration(seconds)));
    facts
}
