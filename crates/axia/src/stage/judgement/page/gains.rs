//! Probability gains of one steered respondent: figure and table.

use axia_values::judgement::{GainSummary, JudgementShift, ValueGain};
use axia_values::stats::{Estimate, SampleSummary};
use axia_values::taxonomy::Value;
use serde::Serialize;

use crate::report::figure::{Gains, Style};
use crate::report::words::{GAIN_DECIMALS, gain, interval_to, p_value};
use crate::stage::judgement::JudgementShiftSummary;

/// Everything about one steered respondent.
#[derive(Debug, Serialize)]
pub(super) struct GainPanel {
    title: String,
    name: String,
    class: String,
    svg: String,
    groups: Vec<Group>,
}

#[derive(Debug, Serialize)]
struct Group {
    name: &'static str,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    label: &'static str,
    posts: usize,
    is_target: bool,
    weak: bool,
    /// Against the control, then against the base.
    comparisons: [Option<Cells>; 2],
}

#[derive(Debug, Serialize)]
struct Cells {
    weighted: Number,
    /// Nothing for a refined value, where it is the same.
    macro_average: Option<Number>,
    strict: Number,
    p: String,
}

#[derive(Debug, Serialize)]
struct Number {
    value: String,
    interval: String,
}

impl Number {
    fn new(estimate: &Estimate) -> Self {
        Self { value: gain(estimate.value), interval: interval_to(estimate, GAIN_DECIMALS) }
    }
}

/// The panel of `summary`, on an axis that several panels share.
pub(super) fn panel(
    summary: &JudgementShiftSummary,
    style: Style,
    domain: (f64, f64),
) -> GainPanel {
    let shifts = [&summary.against_control, &summary.against_base];
    let [against_control, against_base] = shifts;
    let name = &summary.respondent;
    GainPanel {
        title: summary.title.clone(),
        name: name.clone(),
        class: style.class(),
        svg: Gains { name, style, against_control, against_base, domain }.draw(),
        groups: vec![
            Group { name: "Together", rows: together(shifts) },
            Group { name: "Posts about basic values", rows: by_value(shifts, |s| &s.basic) },
            Group { name: "Posts about refined values", rows: by_value(shifts, |s| &s.refined) },
        ],
    }
}

fn together(shifts: [&JudgementShift; 2]) -> Vec<Row> {
    type Part = fn(&JudgementShift) -> Option<&GainSummary>;
    let parts: [(&'static str, Part); 3] = [
        ("The target’s posts", |shift| shift.on_target.as_ref()),
        ("All other posts", |shift| shift.off_target.as_ref()),
        ("All posts", |shift| Some(&shift.overall)),
    ];
    let row = |(label, part): (&'static str, Part)| {
        let cells = |gain: &GainSummary| cells(gain, gain.full.p_positive, true);
        let own = part(shifts[0])?;
        Some(Row {
            comparisons: shifts.map(|shift| part(shift).map(cells)),
            ..empty(label, &own.full, label == parts[0].0)
        })
    };
    parts.into_iter().filter_map(row).collect()
}

fn by_value(shifts: [&JudgementShift; 2], of: fn(&JudgementShift) -> &[ValueGain]) -> Vec<Row> {
    let row = |own: &ValueGain| {
        let is_refined = matches!(own.value, Value::Refined(_));
        let cells = |shift: &JudgementShift| {
            let found = of(shift).iter().find(|gain| gain.value == own.value)?;
            Some(cells(&found.gain, found.adjusted_p, !is_refined))
        };
        Row {
            comparisons: shifts.map(cells),
            ..empty(own.value.label(), &own.gain.full, own.on_target)
        }
    };
    of(shifts[0]).iter().map(row).collect()
}

fn empty(label: &'static str, sample: &SampleSummary, is_target: bool) -> Row {
    Row {
        label,
        posts: sample.clusters,
        is_target,
        weak: sample.underpowered,
        comparisons: [None, None],
    }
}

fn cells(gain: &GainSummary, p: f64, averages_differ: bool) -> Cells {
    Cells {
        weighted: Number::new(&gain.full.weighted),
        macro_average: averages_differ.then(|| Number::new(&gain.full.macro_average)),
        strict: Number::new(&gain.strict.weighted),
        p: p_value(p),
    }
}
