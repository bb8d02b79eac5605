//! The plain-language answer to "did it work?", from the numbers.

use axia_values::profile::Profile;
use axia_values::rating::Rating;
use axia_values::shift::{Comparison, ValueShift};
use axia_values::stats::Estimate;

use super::words::{fixed, interval, list, with_interval};
use crate::study::summary::ShiftSummary;

/// What the interval of the target drop shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It lies above zero.
    Moved,
    /// It includes zero.
    Unclear,
    /// It lies below zero.
    Opposite,
    /// It has no width: there was nothing to resample.
    NoInterval,
}

impl Outcome {
    fn of(drop: &Estimate) -> Self {
        if drop.low == drop.high && drop.value != 0.0 {
            Self::NoInterval
        } else if drop.low > 0.0 {
            Self::Moved
        } else if drop.high < 0.0 {
            Self::Opposite
        } else {
            Self::Unclear
        }
    }

    /// A class name for the page.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Unclear => "unclear",
            Self::Opposite => "opposite",
            Self::NoInterval => "no-interval",
        }
    }
}

/// Where the target's dimensions were steered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// All to the lowest rating.
    Down,
    /// All to the highest rating.
    Up,
    /// To anything else.
    Profile,
}

impl Aim {
    pub fn of(comparison: &Comparison) -> Self {
        let all_at = |rating: Rating| {
            comparison.values.iter().filter_map(|value| value.goal).all(|goal| goal == rating)
        };
        if all_at(Rating::MIN) {
            Self::Down
        } else if all_at(Rating::MAX) {
            Self::Up
        } else {
            Self::Profile
        }
    }

    /// What the target drop is called for this aim.
    pub const fn drop_name(self) -> &'static str {
        match self {
            Self::Down => "Target drop",
            Self::Up => "Target rise",
            Self::Profile => "Movement to goal",
        }
    }
}

/// The answer for one steered respondent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What the interval shows.
    pub outcome: Outcome,
    /// `Yes.`, `No clear effect.`, …
    pub answer: &'static str,
    /// The numbers in a sentence or two.
    pub sentence: String,
}

/// Judges one steered respondent against its control.
pub(super) fn verdict(summary: &ShiftSummary) -> Verdict {
    let effects = &summary.shift.against_control;
    let drop = &effects.target_drop.macro_average;
    let aim = Aim::of(effects);
    let outcome = Outcome::of(drop);
    let selectivity = effects.selectivity.map(|averages| averages.macro_average);
    let movement = movement(subject(&summary.title), aim, outcome, drop);
    Verdict {
        outcome,
        answer: answer(outcome, selectivity.as_ref()),
        sentence: format!("{movement}{}.", rest(effects, outcome)),
    }
}

fn answer(outcome: Outcome, selectivity: Option<&Estimate>) -> &'static str {
    match outcome {
        Outcome::Moved if selectivity.is_some_and(|s| s.high < 0.0) => "Yes, but other values moved more.",
        Outcome::Moved if selectivity.is_some_and(|s| s.low <= 0.0) => "Yes, but not selectively.",
        Outcome::Moved => "Yes.",
        Outcome::Unclear => "No clear effect.",
        Outcome::Opposite => "No: it moved the other way.",
        Outcome::NoInterval => "Too few items to tell.",
    }
}

/// `Power, down` is about power.
fn subject(title: &str) -> &str {
    [", down", ", up"].iter().find_map(|suffix| title.strip_suffix(suffix)).unwrap_or(title)
}

fn movement(subject: &str, aim: Aim, outcome: Outcome, drop: &Estimate) -> String {
    let away = Estimate { value: -drop.value, low: -drop.high, high: -drop.low };
    let towards = drop.value >= 0.0;
    let verb = match (aim, towards) {
        (Aim::Down, true) | (Aim::Up, false) => "fell by",
        (Aim::Down, false) | (Aim::Up, true) => "rose by",
        (Aim::Profile, true) => "came nearer to its goal by",
        (Aim::Profile, false) => "moved away from its goal by",
    };
    let size = if towards { *drop } else { away };
    let where_ = "on held-out items against the matched control";
    match outcome {
        Outcome::Moved | Outcome::Opposite => {
            format!("{subject} {verb} {} points {} {where_}", fixed(size.value, 2), interval(&size))
        }
        Outcome::Unclear => format!(
            "{subject} {verb} {} points {} {where_}, an interval that includes zero",
            fixed(size.value, 2),
            interval(&size)
        ),
        Outcome::NoInterval => format!(
            "{subject} {verb} {} points {where_}; with a single item for each dimension there is \
             no interval, and chance cannot be told from effect",
            fixed(size.value, 2)
        ),
    }
}

/// What the other dimensions did, as the rest of the sentence.
fn rest(effects: &Comparison, outcome: Outcome) -> String {
    let Some(fluctuation) = effects.fluctuation.map(|averages| averages.macro_average) else {
        return "; everything was a target, so nothing else could move".to_owned();
    };
    let others = format!(
        "; other {} moved by {} on average",
        noun(&effects.values),
        fixed(fluctuation.value, 2)
    );
    match effects.selectivity.map(|averages| averages.macro_average) {
        Some(selectivity) if outcome == Outcome::Moved => {
            format!("{others}; selectivity {}{}", with_interval(&selectivity), so(&selectivity))
        }
        _ => others,
    }
}

fn so(selectivity: &Estimate) -> &'static str {
    if selectivity.low > 0.0 {
        ", so the target moved clearly more than the rest"
    } else if selectivity.high < 0.0 {
        ", so the rest moved more than the target"
    } else {
        ", so the target did not move clearly more than the rest"
    }
}

/// What the instrument measures: values, or traits of another theory.
fn noun(shifts: &[ValueShift]) -> &'static str {
    let all_values = shifts.iter().all(|shift| shift.dimension.value().is_some());
    if all_values { "values" } else { "traits" }
}

/// The summary of a run without steering.
pub(super) fn profile_only(name: &str, profile: &Profile) -> String {
    let mut order: Vec<_> = profile.dimensions.iter().collect();
    order.sort_by(|a, b| b.mean.value.total_cmp(&a.mean.value));
    let described = |scores: &[&axia_values::profile::DimensionScore]| {
        let parts = scores.iter().map(|score| {
            format!("{} ({})", score.dimension.label(), fixed(score.mean.value, 2))
        });
        list(&parts.collect::<Vec<_>>())
    };
    let shown = (order.len() / 2).min(3);
    let ends = match (order.get(..shown), order.get(order.len() - shown..)) {
        (Some(top @ [_, ..]), Some(bottom)) => {
            format!(" It rates {} highest and {} lowest.", described(top), described(bottom))
        }
        _ => String::new(),
    };
    format!(
        "Nothing was steered in this run: it profiles the respondent {name} on {} items. Its mean \
         rating over all dimensions is {} on the scale from 1 to 6.{ends}",
        profile.items,
        fixed(profile.grand_mean, 2)
    )
}
