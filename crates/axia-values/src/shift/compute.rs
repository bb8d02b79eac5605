//! The shift of one or several training runs.

use std::collections::BTreeSet;

use super::compare::compare;
use super::pairs::Layout;
use super::{Comparison, DomainShift, ShiftError, ShiftRun};
use crate::profile::Scores;
use crate::stats::BootstrapOptions;
use crate::target::Target;

impl DomainShift {
    /// Measures what steering to `target` changed. Give one run for each training seed, with
    /// scores of held-out items only (see [`Scores::split`]).
    ///
    /// Intervals come from a paired bootstrap of items within dimensions: all variants,
    /// repetitions and respondents of an item stay together. With several runs, seeds are
    /// resampled as well.
    ///
    /// # Errors
    /// [`ShiftError`] for scores that cannot be compared, or if the target was not measured.
    pub fn new(
        runs: &[ShiftRun<'_>],
        target: &Target,
        options: BootstrapOptions,
    ) -> Result<Self, ShiftError> {
        check_seeds(runs)?;
        let layout = Layout::new(runs, target)?;
        let readout = runs.first().ok_or(ShiftError::NoRuns)?.control.readout;
        let compare = |before: &Respondent, after: &Respondent| {
            let pair = |run| Some((before(run)?, after(run)?));
            let pairs: Option<Vec<_>> = runs.iter().map(pair).collect();
            pairs.and_then(|pairs| compare(&layout, &pairs, options))
        };
        let base: &Respondent = &|run| run.base;
        let control: &Respondent = &|run| Some(run.control);
        let steered: &Respondent = &|run| Some(run.steered);
        let against_control: Comparison = compare(control, steered).ok_or_else(|| {
            ShiftError::NotMeasured { target: target.name.clone(), measured: Vec::new() }
        })?;
        Ok(Self {
            format_version: Self::FORMAT_VERSION,
            target: target.name.clone(),
            readout,
            seeds: runs.iter().map(|run| run.seed).collect(),
            items: layout.items.len(),
            against_base: compare(base, steered),
            control_drift: compare(base, control),
            against_control,
            excluded: layout.excluded,
        })
    }
}

/// Picks one respondent of a run.
type Respondent = dyn for<'a> Fn(&ShiftRun<'a>) -> Option<&'a Scores>;

fn check_seeds(runs: &[ShiftRun<'_>]) -> Result<(), ShiftError> {
    let mut seen = BTreeSet::new();
    let with_base = runs.iter().any(|run| run.base.is_some());
    for run in runs {
        if !seen.insert(run.seed) {
            return Err(ShiftError::DuplicateSeed { seed: run.seed });
        }
        if with_base && run.base.is_none() {
            return Err(ShiftError::BaseMissing { seed: run.seed });
        }
    }
    Ok(())
}
