//! What keeps a run from claiming an effect, whatever its interval says, and what a reader must
//! know to judge its numbers.

use super::summary::{ModelInfo, Note, NoteLevel, RespondentSummary, ShiftSummary};
use super::{Anchors, Frontier, Settings};
use crate::run::Role;
use crate::stage::perplexity::{PerplexitySummary, Reference};
use axia_engine::train::Softmax;
use axia_values::shift::{Comparison, ControlCheck};
use axia_values::stats::{MIN_EXAMPLES, sample_sd};
use serde::{Deserialize, Serialize};

/// Fewer held-out items of the target than this carry no claim.
const LEAST_ITEMS: usize = 6;
/// A profile whose dimensions differ by less than this (standard deviation of the means) is flat.
pub(super) const FLAT: f64 = 0.25;
/// Rise of the perplexity that is let pass where the run sets no budget, as a share of the base's.
const DEFAULT_BUDGET: f64 = 0.1;

/// A reason why an effect is not claimed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "gate")]
pub enum Gate {
    /// The control answers alike whatever it is asked, or in another order than the base.
    DegenerateControl {
        /// What is left of the base's answers in it.
        check: ControlCheck,
    },
    /// The target has too few held-out items.
    FewItems {
        /// How many it has.
        items: usize,
    },
    /// The steered model predicts neutral text worse than it may.
    LanguageCost {
        /// Rise of the perplexity, as a share of the base's.
        rise: f64,
        /// The largest rise that was to be.
        budget: f64,
    },
    /// The base hardly tells values apart, so that there is little to be selective about.
    FlatBase {
        /// Standard deviation of its values' means.
        sd: f64,
    },
}

impl Gate {
    /// Whether nothing is shown; else something is, but not cleanly.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::DegenerateControl { .. } | Self::FewItems { .. })
    }

    /// The reason, to stand after "because".
    #[must_use]
    pub fn because(&self) -> String {
        match self {
            Self::DegenerateControl { check } => format!(
                "the control it is measured against lost the base's answers (its items differ by \
                 {:.2} points, the base's by {:.2}; rank correlation {})",
                check.control_sd,
                check.base_sd,
                check.rank_correlation.map_or("undefined".to_owned(), |r| format!("{r:.2}"))
            ),
            Self::FewItems { items } => {
                let noun = if *items == 1 { "item measures" } else { "items measure" };
                format!("only {items} held-out {noun} the target")
            }
            Self::LanguageCost { rise, budget } => format!(
                "neutral text became {:.0} % more perplexing to the model, more than the {:.0} % \
                 allowed",
                rise * 100.0,
                budget * 100.0
            ),
            Self::FlatBase { sd } => format!(
                "the base model hardly tells values apart (standard deviation of their means \
                 {sd:.2} points)"
            ),
        }
    }
}

/// The gates that a steered respondent does not pass, those that let nothing be claimed first.
pub(super) fn gates(
    (name, effects): (&str, &Comparison),
    controls: &[ControlCheck],
    respondents: &[RespondentSummary],
    perplexity: Option<&PerplexitySummary>,
    budget: Option<f64>,
) -> Vec<Gate> {
    let degenerate = controls.iter().find(|check| check.is_degenerate());
    let degenerate = degenerate.map(|&check| Gate::DegenerateControl { check });
    let items = effects.values.iter().filter(|v| v.goal.is_some()).map(|v| v.items).sum();
    let few = (items < LEAST_ITEMS).then_some(Gate::FewItems { items });
    let budget = budget.unwrap_or(DEFAULT_BUDGET);
    let change = perplexity.and_then(|summary| summary.change(name, Reference::Base));
    let cost = change
        .map(|change| change.rise().value)
        .filter(|rise| *rise > budget)
        .map(|rise| Gate::LanguageCost { rise, budget });
    let base = respondents.iter().find(|respondent| respondent.role == Role::Base);
    let flat = base.and_then(spread).filter(|sd| *sd < FLAT).map(|sd| Gate::FlatBase { sd });
    [degenerate, few, cost, flat].into_iter().flatten().collect()
}

/// Standard deviation of the means of a respondent's values.
pub(super) fn spread(respondent: &RespondentSummary) -> Option<f64> {
    let means: Vec<f64> =
        respondent.profile.dimensions.iter().map(|score| score.mean.value).collect();
    sample_sd(&means)
}

/// Below this many weights a model's effects are called small-model effects.
const SMALL: u64 = 1_000_000_000;
/// Share of invalid replies above which a caution is due.
const INVALID: f64 = 0.05;
/// Rise of the perplexity on neutral text, as a share of the base's, above which a caution is due.
const COSTLY: f64 = 0.25;

/// Remarks on the run, cautions first.
pub fn notes(
    model: &ModelInfo,
    settings: &Settings,
    respondents: &[RespondentSummary],
    shifts: &[ShiftSummary],
    frontiers: &[Frontier],
    perplexity: Option<&PerplexitySummary>,
) -> Vec<Note> {
    let mut cautions = Vec::new();
    if model.parameters < SMALL {
        let millions = model.parameters as f64 / 1e6;
        cautions.push(format!(
            "The model, {}, is small: {millions:.0} million parameters, stored as {}. It follows \
             instructions loosely, and what it shows are small-model effects; larger models may \
             respond differently.",
            model.name, model.storage
        ));
    }
    if let Some(base) = respondents.iter().find(|r| r.role == Role::Base) {
        cautions.extend(flat_profile(base));
    }
    cautions.extend(respondents.iter().filter_map(invalid_replies));
    cautions.extend(perplexity.and_then(lost_language));
    cautions.extend(shifts.iter().filter_map(no_effect));
    cautions.extend(few_items(shifts));
    if settings.seeds.len() < 3 && !shifts.is_empty() {
        cautions.push(format!(
            "This run used {}; a claim about a method needs at least three training seeds.",
            if settings.seeds.len() == 1 { "one training seed" } else { "two training seeds" }
        ));
    }
    if !shifts.is_empty() && frontiers.is_empty() && settings.language_budget.is_some() {
        cautions.push(
            "The survey has no validation items to choose the adapters' scale by: they act as \
             strongly as they were trained to, whatever the language budget."
                .to_owned(),
        );
    }
    if let Some(limit) = settings.limit {
        cautions.push(format!("Only {limit} items per split were used (--limit)."));
    }
    let mut notes: Vec<Note> =
        cautions.into_iter().map(|text| Note { level: NoteLevel::Caution, text }).collect();
    if !shifts.is_empty() {
        let text = match settings.anchors {
            Anchors::Soft { softmax: Softmax::Candidates, .. } => {
                "Effects are measured against a matched control: the same rows with the base's own \
                 answers as their labels. Such labels have no gradient, so that the control is what \
                 the base is."
            }
            _ => {
                "Effects are measured against a matched control: an adapter trained on the same \
                 rows, in the same order and for the same number of steps, but with the model's own \
                 baseline answers everywhere."
            }
        };
        let text = text.to_owned();
        notes.push(Note { level: NoteLevel::Info, text });
    }
    notes
}

fn flat_profile(base: &RespondentSummary) -> Option<String> {
    let sd = spread(base)?;
    (sd < FLAT).then(|| {
        let means: Vec<f64> = base.profile.dimensions.iter().map(|d| d.mean.value).collect();
        let low = means.iter().copied().fold(f64::INFINITY, f64::min);
        let high = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        format!(
            "The base model's ratings are flat: the means of its values lie between {low:.2} and \
             {high:.2} on the scale from 1 to 6 (standard deviation {sd:.2}). It hardly tells the \
             values apart, so its ranking of them means little."
        )
    })
}

fn invalid_replies(respondent: &RespondentSummary) -> Option<String> {
    let profile = &respondent.profile;
    let share = profile.invalid as f64 / profile.replies.max(1) as f64;
    (share > INVALID).then(|| {
        format!(
            "{:.0} % of the replies of {} hold no rating and are not counted.",
            share * 100.0,
            respondent.name
        )
    })
}

/// Who predicts neutral text clearly and much worse than the base.
fn lost_language(perplexity: &PerplexitySummary) -> Option<String> {
    let rises = perplexity.changes.iter().filter_map(|change| {
        let rise = change.rise();
        (change.reference == Reference::Base && rise.low > 0.0 && rise.value > COSTLY)
            .then(|| format!("{} +{:.0} %", change.respondent, rise.value * 100.0))
    });
    let rises: Vec<String> = rises.collect();
    (!rises.is_empty()).then(|| {
        format!(
            "Training cost the model language: neutral text is more perplexing than to the base \
             ({}). What these respondents judge and do comes from models that are worse at reading, \
             too.",
            rises.join(", ")
        )
    })
}

fn no_effect(shift: &ShiftSummary) -> Option<String> {
    let drop = &shift.shift.against_control.target_drop.macro_average;
    (drop.low <= 0.0 && drop.high >= 0.0).then(|| {
        format!("For {} the interval of the effect includes zero: no effect is shown.", shift.title)
    })
}

fn few_items(shifts: &[ShiftSummary]) -> Option<String> {
    let items = |s: &ShiftSummary| -> usize {
        s.shift.against_control.values.iter().filter(|v| v.goal.is_some()).map(|v| v.items).sum()
    };
    let least = shifts.iter().map(items).min()?;
    (least < MIN_EXAMPLES).then(|| {
        format!(
            "The target is measured by {least} held-out items; with fewer than {MIN_EXAMPLES} the \
             intervals of its shift are wide and rest on little."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::perplexity::PerplexityChange;
    use axia_values::stats::Estimate;

    #[test]
    fn reasons_read_well_after_because() {
        let check =
            ControlCheck { seed: 0, control_sd: 0.0001, base_sd: 0.8, rank_correlation: None };
        let gates = [
            Gate::DegenerateControl { check },
            Gate::FewItems { items: 1 },
            Gate::LanguageCost { rise: 2.43, budget: 0.1 },
            Gate::FlatBase { sd: 0.12 },
        ];
        let said = gates.map(|gate| gate.because());
        assert!(
            said[0].contains("differ by 0.00 points, the base's by 0.80; rank correlation undef")
        );
        assert_eq!(said[1], "only 1 held-out item measures the target");
        assert!(said[2].starts_with("neutral text became 243 % more perplexing"), "{}", said[2]);
        assert!(said[3].ends_with("0.12 points)"), "{}", said[3]);
        assert_eq!(gates.map(|gate| gate.is_fatal()), [true, true, false, false]);
    }

    #[test]
    fn a_large_and_clear_loss_of_language_is_named() {
        let change = |respondent: &str, reference, value: f64, low: f64| PerplexityChange {
            respondent: respondent.to_owned(),
            title: respondent.to_owned(),
            reference,
            seeds: 1,
            log_perplexity: Estimate { value, low, high: value + 0.1 },
        };
        let mut perplexity = PerplexitySummary {
            passages: "text".to_owned(),
            hash: String::new(),
            count: 8,
            tokens: 1000,
            respondents: Vec::new(),
            changes: vec![
                change("control", Reference::Base, 2.0_f64.ln(), 0.5),
                change("up", Reference::Base, 1.2_f64.ln(), 0.1),
                change("down", Reference::Base, 3.5_f64.ln(), 1.0),
                change("down", Reference::Control, 1.75_f64.ln(), 0.4),
                change("other", Reference::Base, 1.5_f64.ln(), -0.1),
            ],
        };
        let said = lost_language(&perplexity).unwrap();
        assert!(said.contains("(control +100 %, down +250 %)"), "{said}");
        perplexity.changes.retain(|one| one.respondent != "control" && one.respondent != "down");
        assert_eq!(lost_language(&perplexity), None, "too small, and not clear");
    }
}
