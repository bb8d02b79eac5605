//! What it takes to repeat the run.

use serde::Serialize;

use crate::report::words::{duration, moment};
use crate::study::summary::RunSummary;

/// Everything needed to reproduce the run.
#[derive(Debug, Serialize)]
pub(super) struct Provenance {
    command: String,
    created: String,
    axia_version: String,
    machine: String,
    settings: Vec<(String, String)>,
    hashes: Vec<(String, String)>,
    timings: Vec<Timing>,
    total: String,
}

#[derive(Debug, Serialize)]
struct Timing {
    phase: String,
    time: String,
    /// Share of the whole, in percent.
    percent: f64,
}

pub(super) fn provenance(summary: &RunSummary) -> Provenance {
    let total: f64 = summary.timings.iter().map(|(_, seconds)| seconds).sum();
    let timing = |(phase, seconds): &(String, f64)| Timing {
        phase: phase.clone(),
        time: duration(*seconds),
        percent: if total > 0.0 { (seconds / total * 1000.0).round() / 10.0 } else { 0.0 },
    };
    Provenance {
        command: summary.command.clone(),
        created: moment(&summary.created),
        axia_version: summary.axia_version.clone(),
        machine: summary.machine.clone(),
        settings: summary.settings.clone(),
        hashes: summary.hashes.clone().into_iter().collect(),
        timings: summary.timings.iter().map(timing).collect(),
        total: duration(total),
    }
}
