//! The effects of steering in figures and tables, and the respondents they are of.

use crate::report::figure::{self, Goal, LeakageSeries, Shifts, Style};
use crate::report::words::{fixed, interval};
use crate::report::{Cast, Figure, LegendEntry, Member, part_of};
use crate::results::verdict::Aim;
use crate::run::Role;
use crate::study::summary::{RunSummary, ShiftSummary};
use axia_values::profile::Profile;
use axia_values::shift::{Averages, Comparison, MeanSd};
use axia_values::stats::Estimate;
use serde::Serialize;

/// The shift of every dimension, one panel for each steered respondent.
pub(super) fn shift_figures(summary: &RunSummary, cast: &Cast<'_>) -> Vec<Figure> {
    let drifts = summary.shifts.iter().filter_map(|shift| shift.shift.control_drift.as_ref());
    let effects = summary.shifts.iter().map(|shift| &shift.shift.against_control);
    let domain = figure::shift_domain(effects.chain(drifts));
    summary.shifts.iter().map(|shift| shift_figure(shift, cast, domain)).collect()
}

fn shift_figure(shift: &ShiftSummary, cast: &Cast<'_>, domain: (f64, f64)) -> Figure {
    let style = cast.style(&shift.respondent);
    let effects = &shift.shift.against_control;
    let series = [figure::shift_series(&shift.respondent, style, &effects.values)];
    let goals = goal_shifts(goals(shift, style), cast);
    let svg = Shifts {
        series: &series,
        drift: shift.shift.control_drift.as_ref(),
        goals: &goals,
        domain,
        axis: "shift in points: steered − control",
        description: &format!("Shift of every value for {}", shift.respondent),
    }
    .draw();
    let title = format!("{} ({})", shift.title, shift.respondent);
    Figure { svg, title }
}

/// The shifts that would reach the goals from where the control stands.
pub(super) fn goal_shifts(goals: Vec<Goal>, cast: &Cast<'_>) -> Vec<(Goal, f64)> {
    let control = cast.in_role(Role::Control).next();
    goals
        .into_iter()
        .filter_map(|goal| {
            let score = control?.profile.score(&goal.dimension)?;
            let shift = f64::from(goal.rating) - score.mean.value;
            shift.is_finite().then_some((goal, shift))
        })
        .collect()
}

/// A row of the table of effects.
#[derive(Debug, Serialize)]
pub(super) struct EffectRow {
    respondent: String,
    title: String,
    class: String,
    /// `control`, `base`: against whom; or what the control did by itself.
    against: &'static str,
    primary: bool,
    measures: Vec<Measure>,
}

/// A measure as macro and micro average.
#[derive(Debug, Serialize)]
struct Measure {
    macro_average: Option<Effect>,
    micro_average: Option<Effect>,
    /// Over repetitions of sampled answers: `0.61 ± 0.04`.
    repetitions: Option<String>,
}

#[derive(Debug, Serialize)]
struct Effect {
    value: String,
    interval: String,
}

impl Effect {
    fn new(estimate: &Estimate) -> Self {
        Self { value: fixed(estimate.value, 2), interval: interval(estimate) }
    }
}

/// Target drop, fluctuation and selectivity of every comparison.
pub(super) fn effect_rows(summary: &RunSummary, cast: &Cast<'_>) -> Vec<EffectRow> {
    let rows = summary.shifts.iter().flat_map(|shift| {
        let comparisons = [
            ("steered against control", true, Some(&shift.shift.against_control)),
            ("steered against base", false, shift.shift.against_base.as_ref()),
            ("control against base", false, shift.shift.control_drift.as_ref()),
        ];
        let class = cast.style(&shift.respondent).class();
        comparisons.into_iter().filter_map(move |(against, primary, comparison)| {
            Some(EffectRow {
                respondent: shift.respondent.clone(),
                title: shift.title.clone(),
                class: class.clone(),
                against,
                primary,
                measures: measures(comparison?),
            })
        })
    });
    rows.collect()
}

fn measures(comparison: &Comparison) -> Vec<Measure> {
    let repetitions = comparison.repetitions.as_ref();
    let measure = |averages: Option<&Averages>, over: Option<MeanSd>| Measure {
        macro_average: averages.map(|averages| Effect::new(&averages.macro_average)),
        micro_average: averages.map(|averages| Effect::new(&averages.micro_average)),
        repetitions: over
            .map(|MeanSd { mean, sd }| format!("{} ± {}", fixed(mean, 2), fixed(sd, 2))),
    };
    vec![
        measure(Some(&comparison.target_drop), repetitions.and_then(|r| r.target_drop_macro)),
        measure(comparison.fluctuation.as_ref(), repetitions.and_then(|r| r.fluctuation_macro)),
        measure(comparison.selectivity.as_ref(), repetitions.and_then(|r| r.selectivity_macro)),
    ]
}

/// What the first measure is called, if all steered respondents had the same aim.
pub(super) fn drop_name(summary: &RunSummary) -> &'static str {
    let mut names =
        summary.shifts.iter().map(|shift| Aim::of(&shift.shift.against_control).drop_name());
    match names.next() {
        Some(first) if names.all(|name| name == first) => first,
        _ => Aim::Profile.drop_name(),
    }
}

/// Leakage by distance, with a legend; nothing for instruments without a circle.
#[derive(Debug, Serialize)]
pub(super) struct LeakageFigure {
    svg: String,
    legend: Vec<LegendEntry>,
}

pub(super) fn leakage(summary: &RunSummary, cast: &Cast<'_>) -> Option<LeakageFigure> {
    let series: Vec<_> = summary
        .shifts
        .iter()
        .map(|shift| LeakageSeries {
            name: &shift.respondent,
            style: cast.style(&shift.respondent),
            points: &shift.shift.against_control.leakage,
        })
        .collect();
    let steered: Vec<_> = cast.in_role(Role::Steered).copied().collect();
    Some(LeakageFigure {
        svg: figure::leakage(&series)?,
        legend: legend(&steered, &summary.shifts),
    })
}

/// The respondents of a run.
pub(super) fn cast(summary: &RunSummary) -> Cast<'_> {
    let members = summary.respondents.iter();
    let members: Vec<(&str, Role, &Profile)> =
        members.map(|one| (one.name.as_str(), one.role, &one.profile)).collect();
    Cast::new(&members)
}

/// The targets of one steered respondent.
pub(super) fn goals(shift: &ShiftSummary, style: Style) -> Vec<Goal> {
    let values = shift.shift.against_control.values.iter();
    values
        .filter_map(|value| {
            let (dimension, rating) = (value.dimension.clone(), value.goal?);
            Some(Goal { dimension, rating, style })
        })
        .collect()
}

/// A legend of the given respondents.
pub(super) fn legend(members: &[Member<'_>], shifts: &[ShiftSummary]) -> Vec<LegendEntry> {
    let note = |member: &Member<'_>| {
        let own = shifts.iter().find(|shift| shift.respondent == member.name);
        part_of(member.role, own.map(|shift| shift.title.as_str()))
    };
    members
        .iter()
        .map(|member| LegendEntry::new(member.name, member.style, &note(member)))
        .collect()
}
