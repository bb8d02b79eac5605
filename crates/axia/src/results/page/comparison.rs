//! Two runs side by side.

use super::effects::goal_shifts;
use super::effects::{cast, goals};
use super::overview::{self, Finding};
use crate::report::figure::{self, Goal, Series, Shifts, Style};
use crate::report::words::{NOTHING, moment, signed, with_interval};
use crate::report::{Cast, Figure, LegendEntry, Member, Number, ReportError, Shown, render};
use crate::results::verdict::Aim;
use crate::run::Role;
use crate::study::summary::{RunSummary, ShiftSummary};
use axia_values::profile::DimensionScore;
use axia_values::shift::{Averages, Comparison};
use axia_values::stats::Estimate;
use serde::Serialize;

const STYLE_A: Style = Style::steered(1);
const STYLE_B: Style = Style::steered(0);

#[derive(Debug, Serialize)]
struct Page<'a> {
    title: String,
    runs: [Run<'a>; 2],
    differences: Differences,
    legend: Vec<LegendEntry>,
    circular: bool,
    profiles: Vec<Figure>,
    shifts: Vec<Figure>,
    effects: Vec<Group>,
    stages: Vec<StageGroups>,
    tables: Vec<Group>,
    unpaired: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Run<'a> {
    letter: &'static str,
    class: String,
    name: &'a str,
    model: &'a str,
    created: String,
    command: &'a str,
    findings: Vec<Finding>,
}

/// Numbers of one pair of respondents.
#[derive(Debug, Serialize)]
struct Group {
    name: String,
    rows: Vec<Row>,
}

/// Numbers of one stage.
#[derive(Debug, Serialize)]
struct StageGroups {
    name: &'static str,
    heading: &'static str,
    unlike: &'static str,
    caption: &'static str,
    /// Whether both runs were asked the same, if both were asked.
    alike: bool,
    groups: Vec<Group>,
}

/// The same number in both runs.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    a: Option<String>,
    b: Option<String>,
    difference: Option<String>,
}

/// Two respondents that correspond.
#[derive(Debug, Clone, Copy)]
struct Pair<'a> {
    a: Member<'a>,
    b: Member<'a>,
}

impl Pair<'_> {
    fn name(&self) -> String {
        match (self.a.name, self.b.name) {
            (a, b) if a == b => a.to_owned(),
            (a, b) => format!("{a} | {b}"),
        }
    }
}

/// A page that compares two runs: their findings, settings, profiles and shifts.
///
/// # Errors
/// [`ReportError::Page`] if a template cannot be rendered.
pub fn compare(a: &RunSummary, b: &RunSummary) -> Result<String, ReportError> {
    let casts = [cast(a), cast(b)];
    let pairs = pairs(&casts);
    let shift_pairs = shift_pairs(a, b, &pairs);
    let page = Page {
        title: format!("{} | {}", a.name, b.name),
        runs: [run("A", STYLE_A, a, &casts[0]), run("B", STYLE_B, b, &casts[1])],
        differences: differences(a, b),
        legend: vec![
            LegendEntry::new("A", STYLE_A, &a.name),
            LegendEntry::new("B", STYLE_B, &b.name),
        ],
        circular: pairs.iter().all(|pair| is_circular(pair)),
        profiles: profile_figures(&pairs, [a, b]),
        shifts: shift_figures(&shift_pairs, &casts),
        effects: shift_pairs.iter().map(effects).collect(),
        stages: stages(&pairs, [a, b]),
        tables: pairs.iter().map(scores).collect(),
        unpaired: unpaired(&casts, &pairs),
    };
    render(&[("compare.html", include_str!("../template/compare.html"))], page)
}

fn run<'a>(
    letter: &'static str,
    style: Style,
    summary: &'a RunSummary,
    cast: &Cast<'_>,
) -> Run<'a> {
    Run {
        letter,
        class: style.class(),
        name: &summary.name,
        model: &summary.model.name,
        created: moment(&summary.created),
        command: &summary.command,
        findings: overview::findings(summary, cast),
    }
}

/// Base with base, control with control, steered by name; if one steered respondent remains on
/// either side, these two.
fn pairs<'a>([a, b]: &[Cast<'a>; 2]) -> Vec<Pair<'a>> {
    let partner = |one: &Member<'a>| {
        let role = one.role;
        let mut candidates = b.in_role(role);
        match role {
            Role::Base | Role::Control => candidates.next(),
            Role::Steered | Role::Landmark => candidates.find(|other| other.name == one.name),
        }
    };
    let pair = |one: &Member<'a>| Some(Pair { a: *one, b: *partner(one)? });
    let mut pairs: Vec<_> = a.members.iter().filter_map(pair).collect();
    let left_a: Vec<_> = a
        .in_role(Role::Steered)
        .filter(|one| pairs.iter().all(|pair| pair.a.name != one.name))
        .collect();
    let left_b: Vec<_> = b
        .in_role(Role::Steered)
        .filter(|one| pairs.iter().all(|pair| pair.b.name != one.name))
        .collect();
    if let ([a], [b]) = (left_a.as_slice(), left_b.as_slice()) {
        pairs.push(Pair { a: **a, b: **b });
    }
    pairs
}

/// Who appears in one run only.
fn unpaired(casts: &[Cast<'_>; 2], pairs: &[Pair<'_>]) -> Vec<String> {
    let [a, b] = casts;
    let only_a = a.members.iter().filter(|one| pairs.iter().all(|p| p.a.name != one.name));
    let only_b = b.members.iter().filter(|one| pairs.iter().all(|p| p.b.name != one.name));
    let only_a = only_a.map(|one| format!("{} (only in A)", one.name));
    only_a.chain(only_b.map(|one| format!("{} (only in B)", one.name))).collect()
}

fn series(pair: &Pair<'_>) -> [Series; 2] {
    [("A", STYLE_A, &pair.a), ("B", STYLE_B, &pair.b)].map(|(letter, style, member)| {
        let name = format!("{letter}: {}", member.name);
        Series::means(&name, style, &member.profile.dimensions)
    })
}

fn is_circular(pair: &Pair<'_>) -> bool {
    figure::is_circular(&figure::union(&series(pair)))
}

fn profile_figures(pairs: &[Pair<'_>], runs: [&RunSummary; 2]) -> Vec<Figure> {
    let draw = |(index, pair): (usize, &Pair<'_>)| {
        let members = [(pair.a, STYLE_A), (pair.b, STYLE_B)];
        let goals: Vec<Goal> = runs
            .into_iter()
            .zip(members)
            .flat_map(|(run, (member, style))| {
                let own = run.shifts.iter().filter(move |one| one.respondent == member.name);
                own.flat_map(move |shift| goals(shift, style))
            })
            .collect();
        let svg = if is_circular(pair) {
            figure::circle(&format!("circle-{index}"), &series(pair), &goals)
        } else {
            figure::ratings(&series(pair), &goals)
        };
        Figure { svg, title: pair.name() }
    };
    pairs.iter().enumerate().map(draw).collect()
}

/// Shifts of steered respondents that correspond.
struct ShiftPair<'a> {
    name: String,
    a: &'a ShiftSummary,
    b: &'a ShiftSummary,
}

fn shift_pairs<'a>(a: &'a RunSummary, b: &'a RunSummary, pairs: &[Pair<'_>]) -> Vec<ShiftPair<'a>> {
    let of = |run: &'a RunSummary, name: &str| run.shifts.iter().find(|s| s.respondent == name);
    let pair = |pair: &Pair<'_>| {
        let (a, b) = (of(a, pair.a.name)?, of(b, pair.b.name)?);
        Some(ShiftPair { name: pair.name(), a, b })
    };
    pairs.iter().filter_map(pair).collect()
}

fn shift_figures(pairs: &[ShiftPair<'_>], casts: &[Cast<'_>; 2]) -> Vec<Figure> {
    let all = pairs.iter().flat_map(|pair| [pair.a, pair.b]);
    let domain = figure::shift_domain(all.map(|one| &one.shift.against_control));
    let draw = |pair: &ShiftPair<'_>| {
        let sides = [(pair.a, STYLE_A, "A", &casts[0]), (pair.b, STYLE_B, "B", &casts[1])];
        let series = sides.map(|(shift, style, letter, _)| {
            let name = format!("{letter}: {}", shift.respondent);
            figure::shift_series(&name, style, &shift.shift.against_control.values)
        });
        let goals: Vec<_> = sides
            .iter()
            .flat_map(|(shift, style, _, cast)| goal_shifts(goals(shift, *style), cast))
            .collect();
        let svg = Shifts {
            series: &series,
            drift: None,
            goals: &goals,
            domain,
            axis: "shift in points: steered − control",
            description: &format!("Shift of every value in both runs: {}", pair.name),
        }
        .draw();
        Figure { svg, title: pair.name.clone() }
    };
    pairs.iter().map(draw).collect()
}

fn effects(pair: &ShiftPair<'_>) -> Group {
    let names = [pair.a, pair.b].map(|one| Aim::of(&one.shift.against_control).drop_name());
    let first = if names[0] == names[1] { names[0] } else { Aim::Profile.drop_name() };
    let effects = [pair.a, pair.b].map(|one| &one.shift.against_control);
    let both = |name: &str, of: fn(&Comparison) -> Option<Averages>| {
        let [a, b] = effects.map(|effects| of(effects).map(|averages| averages.macro_average));
        row(name, a, b)
    };
    let rows = vec![
        both(first, |effects| Some(effects.target_drop)),
        both("Fluctuation", |effects| effects.fluctuation),
        both("Selectivity", |effects| effects.selectivity),
    ];
    Group { name: pair.name.clone(), rows }
}

/// The stages that either run asked, with the numbers of every pair that has some.
fn stages<'a>(pairs: &[Pair<'_>], [a, b]: [&'a RunSummary; 2]) -> Vec<StageGroups> {
    let [a, b] = [a, b].map(|run| run.stages.shown());
    let name = |stage: &&'a dyn Shown| stage.about().name;
    let partner = |all: &[&'a dyn Shown], one: &&'a dyn Shown| {
        all.iter().find(|other| name(other) == name(one)).copied()
    };
    let of_a = a.iter().map(|one| [Some(*one), partner(&b, one)]);
    let only_b = b.iter().filter(|one| partner(&a, one).is_none()).map(|one| [None, Some(*one)]);
    of_a.chain(only_b).filter_map(|sides| StageGroups::new(pairs, sides)).collect()
}

impl StageGroups {
    fn new(pairs: &[Pair<'_>], sides: [Option<&dyn Shown>; 2]) -> Option<Self> {
        let about = sides.iter().flatten().next()?.about();
        let groups = pairs.iter().filter_map(|pair| {
            let members = [pair.a.name, pair.b.name];
            let numbers = [0, 1].map(|side| {
                sides[side].map(|stage| stage.numbers(members[side])).unwrap_or_default()
            });
            let rows = side_by_side(&numbers);
            (!rows.is_empty()).then(|| Group { name: pair.name(), rows })
        });
        let groups: Vec<Group> = groups.collect();
        let [a, b] = sides.map(|stage| stage.map(|stage| stage.asked()));
        (!groups.is_empty()).then(|| Self {
            name: about.name,
            heading: about.heading,
            unlike: about.unlike,
            caption: about.caption,
            alike: a.zip(b).is_none_or(|(a, b)| a == b),
            groups,
        })
    }
}

/// Numbers of the same name in one row.
fn side_by_side([a, b]: &[Vec<Number>; 2]) -> Vec<Row> {
    let partner = |all: &'_ [Number], one: &Number| all.iter().position(|n| n.name == one.name);
    let only_b = b.iter().filter(|one| partner(a, one).is_none()).map(|one| (None, Some(one)));
    let of_a = a.iter().map(|one| (Some(one), partner(b, one).map(|at| &b[at])));
    let row = |(a, b): (Option<&Number>, Option<&Number>)| {
        let value = |number: Option<&Number>| number.and_then(|number| number.value);
        Some(Row {
            name: a.or(b)?.name.clone(),
            a: a.and_then(|number| number.shown.clone()),
            b: b.and_then(|number| number.shown.clone()),
            difference: value(a).zip(value(b)).map(|((a, show), (b, _))| show(b - a)),
        })
    };
    of_a.chain(only_b).filter_map(row).collect()
}

fn scores(pair: &Pair<'_>) -> Group {
    let all = |member: &Member<'_>| -> Vec<DimensionScore> {
        let profile = member.profile;
        profile.dimensions.iter().chain(&profile.higher).cloned().collect()
    };
    let (a, b) = (all(&pair.a), all(&pair.b));
    let only_b = b.iter().filter(|score| a.iter().all(|own| own.dimension != score.dimension));
    let rows = a.iter().chain(only_b).map(|score| {
        let mean = |scores: &[DimensionScore]| {
            scores.iter().find(|own| own.dimension == score.dimension).map(|own| own.mean)
        };
        row(score.dimension.label(), mean(&a), mean(&b))
    });
    Group { name: pair.name(), rows: rows.collect() }
}

fn row(name: &str, a: Option<Estimate>, b: Option<Estimate>) -> Row {
    Row {
        name: name.to_owned(),
        a: a.as_ref().map(with_interval),
        b: b.as_ref().map(with_interval),
        difference: a.zip(b).map(|(a, b)| signed(b.value - a.value)),
    }
}

/// A fact or setting that differs.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    name: String,
    a: String,
    b: String,
}

/// What differs, and how many settings and hashes do not.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Differences {
    rows: Vec<Difference>,
    same: usize,
}

pub(super) fn differences(a: &RunSummary, b: &RunSummary) -> Differences {
    let (a, b) = (named(a), named(b));
    let only_in_b = b.iter().filter(|(name, _)| find(&a, name).is_none());
    let names = a.iter().chain(only_in_b).map(|(name, _)| name);
    let mut differences = Differences { rows: Vec::new(), same: 0 };
    for name in names {
        let [of_a, of_b] = [find(&a, name), find(&b, name)];
        if of_a == of_b {
            differences.same += 1;
            continue;
        }
        let text = |value: Option<&str>| value.unwrap_or(NOTHING).to_owned();
        differences.rows.push(Difference { name: name.clone(), a: text(of_a), b: text(of_b) });
    }
    differences
}

fn find<'a>(entries: &'a [(String, String)], name: &str) -> Option<&'a str> {
    entries.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

/// Facts, settings and hashes of a run by unambiguous names.
fn named(summary: &RunSummary) -> Vec<(String, String)> {
    let items = summary.survey.items.map(|count| count.to_string()).join(" / ");
    let facts = [
        ("Model", summary.model.name.clone()),
        ("Storage of the weights", summary.model.storage.clone()),
        ("Questionnaire", summary.survey.title.clone()),
        ("Items to train, stop by, hold out", items),
        ("Ways of asking in training", summary.survey.train_variants.to_string()),
        ("Ways of asking in evaluation", summary.survey.test_variants.to_string()),
        ("Version of axia", summary.axia_version.clone()),
        ("Machine", summary.machine.clone()),
    ];
    let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value));
    let settings =
        summary.settings.iter().map(|(name, value)| (format!("Setting: {name}"), value.clone()));
    let hashes =
        summary.hashes.iter().map(|(name, hash)| (format!("SHA-256: {name}"), hash.clone()));
    let stages = summary.stages.shown();
    let stages = stages.iter().flat_map(|stage| stage.facts());
    facts.chain(stages).chain(settings).chain(hashes).collect()
}
