//! What keeps a run from claiming an effect, whatever its interval says.

use super::summary::RespondentSummary;
use crate::run::Role;
use crate::stage::perplexity::{PerplexitySummary, Reference};
use axia_values::shift::{Comparison, ControlCheck};
use axia_values::stats::sample_sd;
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
