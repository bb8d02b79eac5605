//! Harms beside random play.

use axia_values::instrument::Dimension;
use serde::Serialize;

use super::metrics::{HARMS, title};
use super::players::{Player, legend};
use super::verdict::HARM_DECIMALS;
use crate::report::LegendEntry;
use crate::report::figure::{self, Series};
use crate::stage::play::PlaySummary;

/// The three harms, with a legend.
#[derive(Debug, Serialize)]
pub(super) struct HarmFigure {
    svg: String,
    legend: Vec<LegendEntry>,
}

/// The figure; nothing where no harm was measured.
pub(super) fn harms(play: &PlaySummary, players: &[Player<'_>]) -> Option<HarmFigure> {
    let series: Vec<Series> =
        players.iter().filter(|player| !player.is_landmark()).map(series).collect();
    let any = series.iter().any(|one| one.dimensions().next().is_some());
    any.then(|| HarmFigure { svg: figure::harms(&series), legend: legend(players, play) })
}

fn series(player: &Player<'_>) -> Series {
    let scores = HARMS
        .into_iter()
        .filter_map(|metric| Some((Dimension::Named(title(metric)), *player.score(metric)?)));
    let scores: Vec<_> = scores.collect();
    let points = scores.iter().map(|(dimension, score)| (dimension, score));
    Series::new(&player.name, player.style, points).with_decimals(HARM_DECIMALS)
}
