//! Two runs side by side.

use std::collections::BTreeSet;

use axia_values::judgement::JudgementShift;
use axia_values::profile::DimensionScore;
use axia_values::shift::{Averages, Comparison};
use axia_values::stats::{Estimate, SampleSummary};
use serde::Serialize;

use super::cast::{Cast, LegendEntry, Member, goals};
use super::differences::{Differences, differences};
use super::effects::goal_shifts;
use super::overview::{self, Finding};
use super::perplexity;
use super::render::{Figure, render};
use crate::report::ReportError;
use crate::report::figure::{self, Goal, Series, Shifts, Style};
use crate::report::metrics::{ACHIEVEMENTS, HARMS, SCORE, title};
use crate::report::play_verdict::HARM_DECIMALS;
use crate::report::verdict::Aim;
use crate::report::words::{
    change_with_interval, fixed, gain, gain_with_interval, interval_to, moment, p_value, signed,
    signed_to, with_interval,
};
use crate::run::Role;
use crate::stage::perplexity::{PerplexityChange, Reference};
use crate::stage::play::Decisions;
use crate::study::summary::{RunSummary, ShiftSummary};

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
    perplexities: Vec<Group>,
    same_passages: bool,
    judgements: Vec<Group>,
    same_posts: bool,
    plays: Vec<Group>,
    same_games: bool,
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
        match (self.a.name(), self.b.name()) {
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
    let casts = [Cast::new(a), Cast::new(b)];
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
        perplexities: pairs.iter().filter_map(|pair| perplexities(pair, [a, b])).collect(),
        same_passages: same_passages(a, b),
        judgements: pairs.iter().filter_map(|pair| judgements(pair, [a, b])).collect(),
        same_posts: same_posts(a, b),
        plays: pairs.iter().filter_map(|pair| plays(pair, [a, b])).collect(),
        same_games: same_games(a, b),
        tables: pairs.iter().map(scores).collect(),
        unpaired: unpaired(&casts, &pairs),
    };
    render("compare.html", page)
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
        let role = one.summary.role;
        let mut candidates = b.in_role(role);
        match role {
            Role::Base | Role::Control => candidates.next(),
            Role::Steered | Role::Landmark => candidates.find(|other| other.name() == one.name()),
        }
    };
    let pair = |one: &Member<'a>| Some(Pair { a: *one, b: *partner(one)? });
    let mut pairs: Vec<_> = a.members.iter().filter_map(pair).collect();
    let left_a: Vec<_> = a
        .in_role(Role::Steered)
        .filter(|one| pairs.iter().all(|pair| pair.a.name() != one.name()))
        .collect();
    let left_b: Vec<_> = b
        .in_role(Role::Steered)
        .filter(|one| pairs.iter().all(|pair| pair.b.name() != one.name()))
        .collect();
    if let ([a], [b]) = (left_a.as_slice(), left_b.as_slice()) {
        pairs.push(Pair { a: **a, b: **b });
    }
    pairs
}

/// Who appears in one run only.
fn unpaired(casts: &[Cast<'_>; 2], pairs: &[Pair<'_>]) -> Vec<String> {
    let [a, b] = casts;
    let only_a = a.members.iter().filter(|one| pairs.iter().all(|p| p.a.name() != one.name()));
    let only_b = b.members.iter().filter(|one| pairs.iter().all(|p| p.b.name() != one.name()));
    let only_a = only_a.map(|one| format!("{} (only in A)", one.name()));
    only_a.chain(only_b.map(|one| format!("{} (only in B)", one.name()))).collect()
}

fn series(pair: &Pair<'_>) -> [Series; 2] {
    [("A", STYLE_A, &pair.a), ("B", STYLE_B, &pair.b)].map(|(letter, style, member)| {
        let name = format!("{letter}: {}", member.name());
        Series::means(&name, style, &member.profile().dimensions)
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
                let own = run.shifts.iter().filter(move |one| one.respondent == member.name());
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
        let (a, b) = (of(a, pair.a.name())?, of(b, pair.b.name())?);
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

/// Perplexities of a pair of which one side at least was measured.
fn perplexities(pair: &Pair<'_>, runs: [&RunSummary; 2]) -> Option<Group> {
    let measured = [(runs[0], pair.a), (runs[1], pair.b)].map(|(run, member)| {
        let summary = run.perplexity.as_ref()?;
        let own = summary.respondents.iter().find(|one| one.name == member.name())?;
        Some((own.perplexity, perplexity::change(summary, own, Reference::Control)))
    });
    measured.iter().flatten().next()?;
    let [a, b] = measured.map(|side| side.map(|(perplexity, _)| perplexity));
    let mut rows = vec![row("Perplexity", a, b)];
    let [a, b] = measured.map(|side| side?.1.map(PerplexityChange::rise));
    if a.is_some() || b.is_some() {
        rows.push(Row {
            name: "Steered − control".to_owned(),
            a: a.as_ref().map(change_with_interval),
            b: b.as_ref().map(change_with_interval),
            difference: None,
        });
    }
    Some(Group { name: pair.name(), rows })
}

/// Whether both runs read the same passages, if both read any.
fn same_passages(a: &RunSummary, b: &RunSummary) -> bool {
    let hash = |run: &RunSummary| run.perplexity.as_ref().map(|one| one.hash.clone());
    hash(a).zip(hash(b)).is_none_or(|(a, b)| a == b)
}

/// Probability gains of a pair of which one side at least was judged.
fn judgements(pair: &Pair<'_>, runs: [&RunSummary; 2]) -> Option<Group> {
    let names = [pair.a.name(), pair.b.name()];
    let shifts: [Option<&JudgementShift>; 2] = [0, 1].map(|side| {
        let all = &runs[side].judgement.as_ref()?.shifts;
        let own = all.iter().find(|shift| shift.respondent == names[side])?;
        Some(&own.against_control)
    });
    shifts.iter().flatten().next()?;
    let both = |name: &str, of: fn(&JudgementShift) -> Option<Estimate>| {
        let [a, b] = shifts.map(|shift| shift.and_then(of));
        Row {
            name: name.to_owned(),
            a: a.as_ref().map(gain_with_interval),
            b: b.as_ref().map(gain_with_interval),
            difference: a.zip(b).map(|(a, b)| gain(b.value - a.value)),
        }
    };
    let own = |of: fn(&SampleSummary) -> String| {
        shifts.map(|shift| Some(of(&shift?.on_target.as_ref()?.full)))
    };
    let plain = |name: &str, [a, b]: [Option<String>; 2]| Row {
        name: name.to_owned(),
        a,
        b,
        difference: None,
    };
    let rows = vec![
        both("The target’s posts", |shift| Some(shift.on_target.as_ref()?.full.weighted)),
        both("Strict gain", |shift| Some(shift.on_target.as_ref()?.strict.weighted)),
        plain("One-sided p", own(|sample| p_value(sample.p_positive))),
        plain("How many posts", own(power)),
        both("All other posts", |shift| Some(shift.off_target.as_ref()?.full.weighted)),
    ];
    Some(Group { name: pair.name(), rows })
}

fn power(sample: &SampleSummary) -> String {
    let weak = if sample.underpowered { " (underpowered)" } else { "" };
    format!("{}{weak}", sample.clusters)
}

/// Whether both runs were asked about the same posts, if both were asked.
fn same_posts(a: &RunSummary, b: &RunSummary) -> bool {
    let hash = |run: &RunSummary| run.judgement.as_ref().map(|judgement| judgement.hash.clone());
    hash(a).zip(hash(b)).is_none_or(|(a, b)| a == b)
}

/// Measures of play of a pair of which both sides played.
fn plays(pair: &Pair<'_>, runs: [&RunSummary; 2]) -> Option<Group> {
    let names = [pair.a.name(), pair.b.name()];
    let player =
        |side: usize| runs[side].play.as_ref()?.players.iter().find(|one| one.name == names[side]);
    let shift = |side: usize| {
        let all = &runs[side].play.as_ref()?.shifts;
        all.iter().find(|one| one.respondent == names[side])
    };
    let players = [player(0)?, player(1)?];
    let shifts = [shift(0), shift(1)];
    let measures = [SCORE, ACHIEVEMENTS].into_iter().chain(HARMS).map(|metric| {
        let [a, b] = players.map(|player| {
            player.measures.iter().find(|one| one.metric == metric).and_then(|one| one.score)
        });
        let show = |one: &Estimate| {
            let ends = interval_to(one, HARM_DECIMALS);
            format!("{} {ends}", fixed(one.value, HARM_DECIMALS))
        };
        play_row(title(metric), [a, b], show)
    });
    let changes = HARMS.into_iter().map(|metric| {
        let [a, b] = shifts.map(|shift| {
            shift?.measures.iter().find(|one| one.metric == metric).and_then(|one| one.change)
        });
        let show = |one: &Estimate| {
            let ends = interval_to(one, HARM_DECIMALS);
            format!("{} {ends}", signed_to(one.value, HARM_DECIMALS))
        };
        play_row(format!("{}, steered − control", title(metric)), [a, b], show)
    });
    let invalid = players.map(|player| {
        let Decisions { all, invalid, .. } = player.decisions;
        format!("{invalid} of {all}")
    });
    let [a, b] = invalid;
    let invalid =
        Row { name: "Invalid answers".to_owned(), a: Some(a), b: Some(b), difference: None };
    let rows = measures.chain(changes.filter(|row| row.a.is_some() || row.b.is_some()));
    Some(Group { name: pair.name(), rows: rows.chain([invalid]).collect() })
}

fn play_row(
    name: String,
    [a, b]: [Option<Estimate>; 2],
    show: impl Fn(&Estimate) -> String,
) -> Row {
    Row {
        name,
        a: a.as_ref().map(&show),
        b: b.as_ref().map(&show),
        difference: a.zip(b).map(|(a, b)| signed_to(b.value - a.value, HARM_DECIMALS)),
    }
}

/// Whether both runs played the same games, if both played.
fn same_games(a: &RunSummary, b: &RunSummary) -> bool {
    let hashes = |run: &RunSummary| -> Option<BTreeSet<String>> {
        Some(run.play.as_ref()?.games.iter().map(|game| game.hash.clone()).collect())
    };
    hashes(a).zip(hashes(b)).is_none_or(|(a, b)| a == b)
}

fn scores(pair: &Pair<'_>) -> Group {
    let all = |member: &Member<'_>| -> Vec<DimensionScore> {
        let profile = member.profile();
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
