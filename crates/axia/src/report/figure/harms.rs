//! What play counts, with intervals: harms beside random play, and what choices express.

use axia_values::instrument::Dimension;

use super::intervals::Intervals;
use super::scale::nice_domain;
use super::series::Series;

/// Random play, in percent of itself.
const RANDOM: f64 = 100.0;

/// Draws harms in percent of random play, which is a line.
pub(crate) fn harms(series: &[Series]) -> String {
    Intervals {
        series,
        faint: None,
        domain: nice_domain(ends(series), (RANDOM - 20.0, RANDOM + 20.0), 10),
        signed: false,
        line: Some(RANDOM),
        goals: &[],
        targets: &[],
        numbers: true,
        axis: "percent of random play",
        description: "Harms in percent of random play",
        width: 500.0,
    }
    .draw()
}

/// Draws what choices express, from −1 to 1, where that is known of too few values for a circle.
pub(crate) fn revealed(series: &[Series], targets: &[Dimension]) -> String {
    Intervals {
        series,
        faint: None,
        domain: (-1.0, 1.0),
        signed: true,
        line: Some(0.0),
        goals: &[],
        targets,
        numbers: true,
        axis: "revealed score (0: random play)",
        description: "Values revealed in play",
        width: 500.0,
    }
    .draw()
}

fn ends(series: &[Series]) -> impl Iterator<Item = f64> {
    series.iter().flat_map(Series::estimates).flat_map(|estimate| [estimate.low, estimate.high])
}
