//! The report of one run.

use super::effects::{self, EffectRow, LeakageFigure};
use super::effects::{cast, legend};
use super::frontier::{self, FrontierSection};
use super::overview::{self, Finding};
use super::profiles::{self, ProfileFigures, ProfileTable};
use super::training::{self, TrainingRow};
use crate::report::figure::rating_bars;
use crate::report::words::{duration, fixed, moment};
use crate::report::{Cast, Figure, LegendEntry, Member, ReportError, Shown, Template, render};
use crate::results::verdict::noun;
use crate::study::summary::{Example, Note, RunSummary};
use axia_values::instrument::Dimension;
use axia_values::profile::Readout;
use serde::Serialize;

const TEMPLATES: [Template; 3] = [
    ("report.html", include_str!("../template/report.html")),
    ("frontier.html", include_str!("../template/frontier.html")),
    ("methods.html", include_str!("../template/methods.html")),
];

/// Everything on the page.
#[derive(Debug, Serialize)]
struct Page<'a> {
    title: &'a str,
    /// `value`, or `trait` for other instruments.
    noun: &'static str,
    model: &'a str,
    survey: &'a str,
    created: String,
    findings: Vec<Finding>,
    facts: Vec<(&'static str, String)>,
    notes: &'a [Note],
    steered: bool,
    profile: ProfileFigures,
    shifts: Vec<Figure>,
    has_drift: bool,
    drop_name: &'static str,
    effects: Vec<EffectRow>,
    leakage: Option<LeakageFigure>,
    frontier: Option<FrontierSection>,
    stages: Vec<StageSection>,
    sensitivity: Option<String>,
    /// How steering was taught, and the loss that the curves show.
    method: String,
    control_method: &'static str,
    loss: &'static str,
    curves: Vec<Figure>,
    training: Vec<TrainingRow>,
    respondents: Vec<LegendEntry>,
    examples: Vec<ExampleRow>,
    table: ProfileTable,
    provenance: Provenance,
    sampled: bool,
    several_seeds: bool,
}

/// The part of the page on one stage.
#[derive(Debug, Serialize)]
struct StageSection {
    name: &'static str,
    title: &'static str,
    template: &'static str,
    methods: &'static str,
    section: minijinja::Value,
}

impl StageSection {
    fn new(stage: &dyn Shown, cast: &Cast<'_>) -> Self {
        let about = stage.about();
        Self {
            name: about.name,
            title: about.title,
            template: about.section.0,
            methods: about.methods.0,
            section: stage.section(cast),
        }
    }
}

/// The page of a run.
pub(crate) fn report(summary: &RunSummary) -> Result<String, ReportError> {
    let cast = cast(summary);
    let stages = summary.stages.shown();
    let shifts = || summary.shifts.iter().map(|shift| &shift.shift);
    let profiles_of = cast.members.iter().map(|member| member.profile);
    let dimensions =
        profiles_of.flat_map(|profile| profile.dimensions.iter().map(|score| &score.dimension));
    let page = Page {
        title: &summary.name,
        noun: noun(dimensions),
        model: &summary.model.name,
        survey: &summary.survey.title,
        created: moment(&summary.created),
        findings: overview::findings(summary, &cast),
        facts: overview::facts(summary),
        notes: &summary.notes,
        steered: !summary.shifts.is_empty(),
        profile: profiles::figures(summary, &cast),
        shifts: effects::shift_figures(summary, &cast),
        has_drift: shifts().any(|shift| shift.control_drift.is_some()),
        drop_name: effects::drop_name(summary),
        effects: effects::effect_rows(summary, &cast),
        leakage: effects::leakage(summary, &cast),
        frontier: frontier::section(&summary.frontiers, &cast),
        stages: stages.iter().map(|stage| StageSection::new(*stage, &cast)).collect(),
        sensitivity: profiles::sensitivity(&cast),
        method: training::method(summary),
        control_method: training::control_method(summary),
        loss: training::loss(summary),
        curves: training::figures(summary, &cast),
        training: training::rows(summary, &cast),
        respondents: legend(&cast.members, &summary.shifts),
        examples: rows(summary, &cast),
        table: profiles::table(&cast),
        provenance: provenance(summary),
        sampled: cast.members.iter().any(|one| one.profile.readout == Readout::Sampled),
        several_seeds: shifts().any(|shift| shift.seeds.len() > 1),
    };
    let own = stages.iter().flat_map(|stage| [stage.about().section, stage.about().methods]);
    let templates: Vec<Template> = TEMPLATES.into_iter().chain(own).collect();
    render(&templates, page)
}

/// An item and its answers.
#[derive(Debug, Serialize)]
pub(super) struct ExampleRow {
    item: String,
    label: String,
    is_target: bool,
    statement: String,
    /// In the order of the respondents; nothing from who did not answer.
    answers: Vec<Option<Answer>>,
}

#[derive(Debug, Serialize)]
struct Answer {
    rating: String,
    /// For sorting.
    value: f64,
    bars: Option<String>,
}

/// The items, targets first, each group in its own order.
pub(super) fn rows(summary: &RunSummary, cast: &Cast<'_>) -> Vec<ExampleRow> {
    let targets = summary.examples.iter().filter(|example| example.is_target);
    let others = summary.examples.iter().filter(|example| !example.is_target);
    targets.chain(others).map(|example| row(example, cast)).collect()
}

fn row(example: &Example, cast: &Cast<'_>) -> ExampleRow {
    let answer = |member: &Member<'_>| {
        let index = example.ratings.iter().position(|(name, _)| name == member.name)?;
        let (_, rating) = example.ratings.get(index)?;
        let probabilities = example.probabilities.get(index);
        Some(Answer {
            rating: fixed(*rating, 2),
            value: *rating,
            bars: probabilities.map(|probabilities| rating_bars(probabilities, member.style)),
        })
    };
    ExampleRow {
        item: example.item.clone(),
        label: Dimension::from_key(&example.dimension).label().to_owned(),
        is_target: example.is_target,
        statement: example.statement.clone(),
        answers: cast.members.iter().map(answer).collect(),
    }
}

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
