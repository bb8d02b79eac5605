//! What moved: the shift of every dimension, with its interval.

use axia_values::shift::{Comparison, ValueShift};

use super::intervals::{DRIFT, Intervals};
use super::scale::nice_domain;
use super::series::{Goal, Series};

/// Shifts of one steered respondent, or of the same one in several runs.
pub(crate) struct Shifts<'a> {
    /// The shifts, each with its look.
    pub series: &'a [Series],
    /// Control against base, drawn faintly.
    pub drift: Option<&'a Comparison>,
    /// The targets, each with the shift that would have reached the goal.
    pub goals: &'a [(Goal, f64)],
    /// The axis' ends, so that several panels compare.
    pub domain: (f64, f64),
    /// What the axis shows.
    pub axis: &'a str,
    /// What the whole shows.
    pub description: &'a str,
}

impl Shifts<'_> {
    /// Draws the panel.
    pub fn draw(&self) -> String {
        let drift = self.drift.map(|drift| shift_series("control − base", DRIFT, &drift.values));
        Intervals {
            series: self.series,
            faint: drift.as_ref(),
            domain: self.domain,
            signed: true,
            line: Some(0.0),
            goals: self.goals,
            targets: &[],
            numbers: true,
            axis: self.axis,
            description: self.description,
            width: 560.0,
        }
        .draw()
    }
}

/// A comparison's shifts as a series.
pub(crate) fn shift_series(
    name: &str,
    style: super::series::Style,
    values: &[ValueShift],
) -> Series {
    Series::new(name, style, values.iter().map(|value| (&value.dimension, &value.shift)))
}

/// One axis for several panels.
pub(crate) fn shift_domain<'a>(
    comparisons: impl IntoIterator<Item = &'a Comparison>,
) -> (f64, f64) {
    let values = comparisons.into_iter().flat_map(|comparison| &comparison.values);
    let ends = values.flat_map(|value| [value.shift.low, value.shift.high]);
    nice_domain(ends, (-0.5, 0.5), 12)
}
