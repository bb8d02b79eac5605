//! The plain-language answer to "did it work?", from the numbers.

use axia_values::instrument::Dimension;
use axia_values::profile::{DimensionScore, Profile};
use axia_values::rating::Rating;
use axia_values::shift::{Comparison, Headroom};
use axia_values::stats::Estimate;

use crate::report::words::{fixed, interval, list, percent, with_interval};
use crate::report::{Outcome, Verdict, subject};
use crate::study::Gate;
use crate::study::summary::ShiftSummary;

/// Movements below this, a quarter of a step of the rating scale, are called small even where the
/// interval leaves no doubt about them.
const SMALL: f64 = 0.25;

/// With less headroom than this, in points, the share of it that was used is reported as well.
const NARROW: f64 = 2.0;

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

/// What the interval of the selectivity shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Selective {
    /// All of it is worth speaking of.
    Clearly,
    /// It lies above zero, but begins so near to it that the difference may be small.
    Perhaps,
    /// It lies above zero, and the difference is small.
    Little,
    /// It includes zero.
    Unclear,
    /// The others moved more.
    Not,
}

impl Selective {
    fn of(selectivity: &Estimate) -> Self {
        match selectivity {
            Estimate { high, .. } if *high < 0.0 => Self::Not,
            Estimate { low, .. } if *low <= 0.0 => Self::Unclear,
            Estimate { value, .. } if *value < SMALL => Self::Little,
            Estimate { low, .. } if *low < SMALL => Self::Perhaps,
            _ => Self::Clearly,
        }
    }

    /// The end of the sentence that gives the selectivity.
    const fn consequence(self) -> &'static str {
        match self {
            Self::Clearly => ", so the target moved clearly more than the rest",
            Self::Perhaps => {
                ", so the target moved more than the rest, though perhaps only a little more"
            }
            Self::Little => ", so the target moved a little more than the rest",
            Self::Unclear => ", so the target did not move clearly more than the rest",
            Self::Not => ", so the rest moved more than the target",
        }
    }

    /// Why a movement is not selective, if it is not, to stand after "because".
    const fn objection(self) -> Option<&'static str> {
        match self {
            Self::Not => Some("other values moved more"),
            Self::Unclear => Some("it did not clearly move more than other values"),
            Self::Perhaps | Self::Little | Self::Clearly => None,
        }
    }
}

/// Judges one steered respondent against its control.
pub(super) fn verdict(summary: &ShiftSummary) -> Verdict {
    let effects = &summary.shift.against_control;
    let drop = &effects.target_drop.macro_average;
    let aim = Aim::of(effects);
    let outcome = Outcome::of(drop);
    let selective = effects.selectivity.map(|averages| Selective::of(&averages.macro_average));
    let movement = movement(subject(&summary.title), aim, outcome, drop);
    let answer = match summary.gates.first().filter(|_| outcome == Outcome::Moved) {
        Some(gate) if gate.is_fatal() => format!("Not shown, because {}.", gate.because()).into(),
        Some(_) => {
            let unselective = selective.and_then(Selective::objection);
            let reasons = summary.gates.iter().map(Gate::because);
            let reasons: Vec<String> = reasons.chain(unselective.map(str::to_owned)).collect();
            format!("Not cleanly, because {}.", list(&reasons)).into()
        }
        None => answer(outcome, drop.value < SMALL, selective).into(),
    };
    let sentence =
        format!("{movement}{}{}.", of_headroom(effects, outcome), rest(effects, outcome));
    Verdict { outcome, answer, sentence }
}

/// How much of the way to the goal a movement took, where the end of the scale limits it.
fn of_headroom(effects: &Comparison, outcome: Outcome) -> String {
    match effects.headroom {
        Some(Headroom { points, share })
            if outcome == Outcome::Moved && points.value < NARROW && share.value.is_finite() =>
        {
            format!(
                ", {} of the {} points that the scale left",
                percent(share.value),
                fixed(points.value, 2)
            )
        }
        _ => String::new(),
    }
}

fn answer(outcome: Outcome, small: bool, selective: Option<Selective>) -> &'static str {
    match (outcome, selective) {
        (Outcome::Moved, Some(Selective::Not)) => "Yes, but other values moved more.",
        (Outcome::Moved, Some(Selective::Unclear)) => "Yes, but not selectively.",
        (Outcome::Moved, _) if small => "Yes, but by less than a quarter of a point.",
        (Outcome::Moved, Some(Selective::Perhaps)) => {
            "Yes, but perhaps only a little more than other values."
        }
        (Outcome::Moved, Some(Selective::Little)) => {
            "Yes, but only a little more than other values."
        }
        (Outcome::Moved, Some(Selective::Clearly) | None) => "Yes.",
        (Outcome::Unclear, _) => "No clear effect.",
        (Outcome::Opposite, _) => "No: it moved the other way.",
        (Outcome::NoInterval, _) => "Too few items to tell.",
    }
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
            "{subject} {verb} {} points {where_}; with a single item for each dimension, or \
             items that all moved alike, there is no interval, and chance cannot be told from effect",
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
        "; other {}s moved by {} on average",
        noun(effects.values.iter().map(|value| &value.dimension)),
        fixed(fluctuation.value, 2)
    );
    match effects.selectivity.map(|averages| averages.macro_average) {
        Some(selectivity) if outcome == Outcome::Moved => {
            let consequence = Selective::of(&selectivity).consequence();
            format!("{others}; selectivity {}{consequence}", with_interval(&selectivity))
        }
        _ => others,
    }
}

/// What the instrument measures: a value, or a trait of another theory.
pub(super) fn noun<'a>(dimensions: impl IntoIterator<Item = &'a Dimension>) -> &'static str {
    let all_values = dimensions.into_iter().all(|dimension| dimension.value().is_some());
    if all_values { "value" } else { "trait" }
}

/// The summary of a run without steering.
pub(super) fn profile_only(name: &str, profile: &Profile) -> String {
    let mut order: Vec<_> = profile.dimensions.iter().collect();
    order.sort_by(|a, b| b.mean.value.total_cmp(&a.mean.value));
    let described = |scores: &[&DimensionScore]| {
        let parts = scores
            .iter()
            .map(|score| format!("{} ({})", score.dimension.label(), fixed(score.mean.value, 2)));
        list(&parts.collect::<Vec<_>>())
    };
    let shown = (order.len() / 2).min(3);
    let highest: Vec<_> = order.iter().take(shown).copied().collect();
    let lowest: Vec<_> = order.iter().rev().take(shown).copied().collect();
    let ends = if shown == 0 {
        String::new()
    } else {
        format!(" It rates {} highest and {} lowest.", described(&highest), described(&lowest))
    };
    format!(
        "Nothing was steered in this run: it profiles the respondent {name} on {} items. Its mean \
         rating over all dimensions is {} on the scale from 1 to 6.{ends}",
        profile.items,
        fixed(profile.grand_mean, 2)
    )
}

#[cfg(test)]
mod tests {
    use axia_values::profile::Readout;
    use axia_values::shift::{Averages, DomainShift, ValueShift};
    use axia_values::taxonomy::RefinedValue;

    use super::*;
    use std::borrow::Cow;

    fn estimate((value, low, high): (f64, f64, f64)) -> Estimate {
        Estimate { value, low, high }
    }

    fn averages(numbers: (f64, f64, f64)) -> Averages {
        Averages { macro_average: estimate(numbers), micro_average: estimate(numbers) }
    }

    /// A shift with the given drop and selectivity, and a fluctuation of 0.18.
    fn shift(
        title: &str,
        goal: u8,
        drop: (f64, f64, f64),
        selectivity: (f64, f64, f64),
    ) -> ShiftSummary {
        let value = ValueShift {
            dimension: RefinedValue::Face.into(),
            goal: Rating::new(goal).ok(),
            distance: Some(0),
            items: 5,
            shift: estimate(drop),
        };
        let against_control = Comparison {
            target_drop: averages(drop),
            fluctuation: Some(averages((0.18, 0.15, 0.21))),
            selectivity: Some(averages(selectivity)),
            headroom: None,
            values: vec![value],
            leakage: Vec::new(),
            repetitions: None,
        };
        ShiftSummary {
            respondent: "steered".into(),
            title: title.into(),
            gates: Vec::new(),
            shift: DomainShift {
                format_version: DomainShift::FORMAT_VERSION,
                target: "target".into(),
                readout: Readout::Expected,
                seeds: vec![1],
                items: 10,
                excluded: Vec::new(),
                against_control,
                against_base: None,
                control_drift: None,
            },
        }
    }

    fn said(shift: &ShiftSummary) -> (Outcome, Cow<'static, str>, String) {
        let verdict = verdict(shift);
        // Intervals are held together by no-break spaces.
        (verdict.outcome, verdict.answer, verdict.sentence.replace('\u{a0}', " "))
    }

    #[test]
    fn a_clear_and_selective_drop() {
        let shift = shift("Power, down", 1, (0.62, 0.41, 0.8), (0.44, 0.27, 0.6));
        let sentence = "Power fell by 0.62 points [0.41, 0.80] on held-out items against the \
                        matched control; other values moved by 0.18 on average; selectivity 0.44 \
                        [0.27, 0.60], so the target moved clearly more than the rest.";
        assert_eq!(said(&shift), (Outcome::Moved, "Yes.".into(), sentence.to_owned()));
    }

    #[test]
    fn a_small_effect_is_called_small() {
        let shift = shift("Power, down", 1, (0.14, 0.07, 0.24), (0.08, 0.004, 0.18));
        let (outcome, answer, sentence) = said(&shift);
        assert_eq!(outcome, Outcome::Moved);
        assert_eq!(answer, "Yes, but by less than a quarter of a point.");
        assert!(sentence.ends_with("so the target moved a little more than the rest."));
    }

    #[test]
    fn selectivity_that_may_be_next_to_none_is_not_called_clear() {
        let shift = shift("Power, down", 1, (1.23, 0.8, 1.6), (0.65, 0.003, 1.25));
        let (outcome, answer, sentence) = said(&shift);
        assert_eq!(outcome, Outcome::Moved);
        assert_eq!(answer, "Yes, but perhaps only a little more than other values.");
        let end = "selectivity 0.65 [0.00, 1.25], so the target moved more than the rest, though \
                   perhaps only a little more.";
        assert!(sentence.ends_with(end), "{sentence}");
    }

    #[test]
    fn a_rise_that_is_not_selective() {
        let unclear = shift("Power, up", 6, (0.2, 0.1, 0.3), (0.02, -0.1, 0.1));
        let (outcome, answer, sentence) = said(&unclear);
        assert_eq!((outcome, answer), (Outcome::Moved, "Yes, but not selectively.".into()));
        assert!(sentence.starts_with("Power rose by 0.20 points [0.10, 0.30]"), "{sentence}");
        assert!(sentence.ends_with("did not move clearly more than the rest."), "{sentence}");
        let worse = shift("Power, up", 6, (0.1, 0.05, 0.15), (-0.08, -0.1, -0.05));
        let (_, answer, sentence) = said(&worse);
        assert_eq!(answer, "Yes, but other values moved more.");
        assert!(sentence.ends_with("so the rest moved more than the target."), "{sentence}");
    }

    #[test]
    fn an_interval_with_zero_is_no_clear_effect() {
        let shift = shift("Power, down", 1, (-0.05, -0.12, 0.02), (-0.2, -0.3, -0.1));
        let sentence = "Power rose by 0.05 points [−0.02, 0.12] on held-out items against the \
                        matched control, an interval that includes zero; other values moved by \
                        0.18 on average.";
        assert_eq!(
            said(&shift),
            (Outcome::Unclear, "No clear effect.".into(), sentence.to_owned())
        );
        let still = self::shift("Power, down", 1, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0));
        assert_eq!(said(&still).0, Outcome::Unclear);
    }

    #[test]
    fn the_wrong_way_is_said_so() {
        let shift = shift("Power, down", 1, (-0.3, -0.5, -0.1), (-0.48, -0.7, -0.3));
        let (outcome, answer, sentence) = said(&shift);
        assert_eq!((outcome, answer), (Outcome::Opposite, "No: it moved the other way.".into()));
        assert!(sentence.starts_with("Power rose by 0.30 points [0.10, 0.50]"), "{sentence}");
        let profile = self::shift("My profile", 3, (-0.3, -0.5, -0.1), (-0.4, -0.6, -0.2));
        let sentence = said(&profile).2;
        assert!(sentence.starts_with("My profile moved away from its goal by 0.30"), "{sentence}");
    }

    #[test]
    fn one_item_has_no_interval() {
        let shift = shift("Power, down", 1, (0.5, 0.5, 0.5), (0.4, 0.4, 0.4));
        let (outcome, answer, sentence) = said(&shift);
        assert_eq!((outcome, answer), (Outcome::NoInterval, "Too few items to tell.".into()));
        assert!(sentence.contains("chance cannot be told from effect"), "{sentence}");
    }

    #[test]
    fn gates_keep_the_first_line_from_saying_yes() {
        let few = Gate::FewItems { items: 4 };
        let cost = Gate::LanguageCost { rise: 0.32, budget: 0.1 };
        let answer = |gates: &[Gate], drop| {
            let mut shift = shift("Power, down", 1, drop, (0.44, 0.2, 0.6));
            shift.gates = gates.to_vec();
            said(&shift).1
        };
        let moved = (0.62, 0.41, 0.8);
        assert_eq!(
            answer(&[few, cost], moved),
            "Not shown, because only 4 held-out items measure the target."
        );
        assert_eq!(
            answer(&[cost, Gate::FlatBase { sd: 0.12 }], moved),
            "Not cleanly, because neutral text became 32 % more perplexing to the model, more than \
             the 10 % allowed and the base model hardly tells values apart (standard deviation of \
             their means 0.12 points)."
        );
        assert_eq!(answer(&[cost], (-0.05, -0.12, 0.02)), "No clear effect.");
        let mut all_moved = shift("Power, down", 1, moved, (0.2, -0.1, 0.4));
        all_moved.gates = vec![Gate::FlatBase { sd: 0.12 }];
        let answer = said(&all_moved).1;
        assert!(
            answer.ends_with("and it did not clearly move more than other values."),
            "{answer}"
        );
    }

    #[test]
    fn a_movement_near_the_end_of_the_scale_is_a_share_of_what_there_was() {
        let mut near = shift("Power, up", 6, (0.7, 0.5, 0.9), (0.6, 0.4, 0.8));
        let share = estimate((0.64, 0.5, 0.8));
        near.shift.against_control.headroom =
            Some(Headroom { points: estimate((1.1, 0.9, 1.3)), share });
        let sentence = said(&near).2;
        assert!(sentence.contains("control, 64 % of the 1.10 points that the scale left; other"));
    }

    #[test]
    fn where_everything_is_a_target_nothing_else_moves() {
        let mut shift = shift("All, down", 1, (0.5, 0.4, 0.6), (0.0, 0.0, 0.0));
        shift.shift.against_control.fluctuation = None;
        shift.shift.against_control.selectivity = None;
        let (_, answer, sentence) = said(&shift);
        assert_eq!(answer, "Yes.");
        assert!(sentence.ends_with("so nothing else could move."), "{sentence}");
    }
}
