//! A run's effects on the terminal.

use crate::stage::perplexity::Reference;
use crate::study::summary::{RunSummary, ShiftSummary};
use axia_values::stats::Estimate;

/// The effects in a few lines each.
pub fn effects(summary: &RunSummary) -> String {
    summary.shifts.iter().map(|shift| effect(summary, shift)).collect()
}

fn effect(summary: &RunSummary, shift: &ShiftSummary) -> String {
    let c = &shift.shift.against_control;
    let mut lines = vec![("moved to its goal", interval(&c.target_drop.macro_average))];
    for (label, averages) in
        [("other values moved", &c.fluctuation), ("selectivity", &c.selectivity)]
    {
        lines.extend(averages.map(|averages| (label, interval(&averages.macro_average))));
    }
    if let Some(headroom) = &c.headroom {
        let [share, low, high] = [headroom.share.value, headroom.share.low, headroom.share.high]
            .map(|share| format!("{:.0} %", share * 100.0));
        let points = headroom.points.value;
        lines.push(("share of headroom", format!("{share} [{low}, {high}] of {points:.2} points")));
    }
    let perplexity = summary.stages.perplexity.as_ref();
    if let Some(change) = perplexity.and_then(|p| p.change(&shift.respondent, Reference::Base)) {
        let rise = change.rise();
        let [value, low, high] =
            [rise.value, rise.low, rise.high].map(|share| format!("{:+.0} %", share * 100.0));
        lines.push(("perplexity", format!("{value} [{low}, {high}] against the base")));
    }
    let mut text = format!("{}\n", shift.title);
    for (label, value) in lines {
        text += &format!("  {label:18} {value}\n");
    }
    for gate in &shift.gates {
        let what = if gate.is_fatal() { "not shown" } else { "not clean" };
        text += &format!("  {what:18} {}\n", gate.because());
    }
    text
}

fn interval(e: &Estimate) -> String {
    match e.has_no_width() {
        true => format!("{:+.2} (no interval)", e.value),
        false => format!("{:+.2} [{:+.2}, {:+.2}]", e.value, e.low, e.high),
    }
}
