//! A synthetic run: made-up answers, summed up by the real statistics.
#![allow(dead_code, reason = "each test crate uses a part")]

pub mod judgement;
pub mod markup;
pub mod play;

use std::collections::BTreeMap;

use axia::run::Role;
use axia::stage::Summaries;
use axia::study::summary::{
    Example, ModelInfo, Note, NoteLevel, RespondentSummary, RunSummary, ShiftSummary, SurveyInfo,
    TrainingSummary,
};
use axia::study::{Anchors, Frontier, FrontierPoint};
use axia_engine::train::{History, StepRecord, StopReason, ValidationRecord};
use axia_values::instrument::{Dimension, Split, Variant};
use axia_values::profile::{ItemScore, Profile, Readout, Scores};
use axia_values::shift::{DomainShift, ShiftRun};
use axia_values::stats::{BootstrapOptions, Estimate};
use axia_values::target::{Direction, Target};
use axia_values::taxonomy::{RefinedValue, Value};

/// What a synthetic study steers, and how strongly it succeeds.
#[derive(Debug, Clone)]
pub struct Aim {
    /// A value's slug or a trait's name.
    pub dimension: &'static str,
    pub title: &'static str,
    pub direction: Direction,
    /// Points that the target's items move.
    pub effect: f64,
}

impl Aim {
    pub fn power_down(effect: f64) -> Self {
        Self { dimension: "power", title: "Power, down", direction: Direction::Down, effect }
    }

    pub fn name(&self) -> String {
        format!("{}-{}", self.dimension.to_lowercase().replace(' ', "-"), self.direction)
    }
}

/// Reproducible noise: 64 bits from a text (FNV-1a, then a splitmix finaliser).
fn bits(text: &str) -> u64 {
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, byte| {
        (h ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Noise around zero with standard deviation one.
fn noise(text: &str) -> f64 {
    let uniform = |part: u8| bits(&format!("{text}/{part}")) as f64 / u64::MAX as f64;
    (0..12).map(uniform).sum::<f64>() - 6.0
}

/// The twenty refined values.
pub fn values() -> Vec<Dimension> {
    RefinedValue::ALL.into_iter().map(Dimension::from).collect()
}

/// Traits of a personality questionnaire.
pub fn traits() -> Vec<Dimension> {
    ["Sincerity", "Fairness", "Fearfulness", "Social Boldness", "Patience", "Diligence"]
        .map(|name| Dimension::Named(name.to_owned()))
        .to_vec()
}

const ITEMS: usize = 5;
const INSTRUCTIONS: usize = 3;
const TEMPLATES: usize = 4;

/// Answers of one respondent, moved by `shift` points on each dimension.
fn scores(who: &str, dimensions: &[Dimension], shift: impl Fn(&Dimension) -> f64) -> Scores {
    let mut items = Vec::new();
    for (place, dimension) in dimensions.iter().enumerate() {
        let level = 4.1 + 0.9 * (place as f64 * 0.45 + 2.4).sin() + 0.2 * noise(&dimension.key());
        for number in 0..ITEMS {
            let item = format!("{}-{number}", dimension.key());
            let truth = level
                + 0.45 * noise(&item)
                + shift(dimension) * (1.0 + 0.35 * noise(&format!("{item}/gain")))
                + 0.06 * noise(&format!("{item}/{who}"));
            items.push(score(who, &item, dimension, truth));
        }
    }
    Scores { readout: Readout::Expected, items }
}

fn score(who: &str, item: &str, dimension: &Dimension, truth: f64) -> ItemScore {
    let mut by_variant = BTreeMap::new();
    for instruction in 0..INSTRUCTIONS {
        for template in 0..TEMPLATES {
            let wording = 0.22 * noise(&format!("{dimension}/{instruction}/i"))
                + 0.08 * noise(&format!("{dimension}/{template}/t"))
                + 0.05 * noise(&format!("{who}/{item}/{instruction}/{template}"));
            let rating = (truth + wording).clamp(1.0, 6.0);
            by_variant.insert(Variant { instruction, template }, rating);
        }
    }
    let mean = by_variant.values().sum::<f64>() / by_variant.len() as f64;
    ItemScore {
        item: item.to_owned(),
        dimension: dimension.clone(),
        split: Split::Test,
        mean: Some(mean),
        by_repetition: vec![Some(mean)],
        invalid: 0,
        replies: by_variant.len(),
        by_variant,
    }
}

fn options() -> BootstrapOptions {
    BootstrapOptions { resamples: 300, ..BootstrapOptions::default() }
}

/// What scaling an adapter does: at half its effect half of the movement, for a quarter of the cost.
fn frontier(aim: &Aim) -> Frontier {
    let point = |scale: f64| {
        let about = |value: f64| Estimate { value, low: value - 0.2, high: value + 0.2 };
        FrontierPoint {
            scale,
            target_drop: about(scale),
            fluctuation: Some(about(0.25 * scale)),
            selectivity: Some(about(0.75 * scale)),
            perplexity_rise: Estimate {
                value: 0.08 * scale * scale,
                low: 0.0,
                high: 0.1 * scale * scale,
            },
        }
    };
    Frontier {
        respondent: aim.name(),
        title: aim.title.to_owned(),
        scale: 1.0,
        budget: Some(0.1),
        items: [108, 6],
        passages: "anchors".to_owned(),
        points: [0.0, 0.5, 1.0, 1.5].map(point).to_vec(),
    }
}

/// A run over `dimensions` with one steered respondent for each aim; a profile of the base
/// alone if there is none.
pub fn run(name: &str, dimensions: &[Dimension], aims: &[Aim]) -> RunSummary {
    let base = scores("base", dimensions, |_| 0.0);
    let control = scores("control", dimensions, |_| 0.03);
    let mut everybody = vec![("base".to_owned(), Role::Base, base.clone())];
    if !aims.is_empty() {
        everybody.push(("control".to_owned(), Role::Control, control.clone()));
    }
    let mut shifts = Vec::new();
    for aim in aims {
        let target = Target::new(Dimension::from_key(aim.dimension), aim.direction);
        let steered = scores(&aim.name(), dimensions, |d| movement(&target, aim, d));
        let run = ShiftRun { seed: 1, base: Some(&base), control: &control, steered: &steered };
        shifts.push(ShiftSummary {
            respondent: aim.name(),
            title: aim.title.to_owned(),
            gates: Vec::new(),
            shift: DomainShift::new(&[run], &target, options()).expect("comparable"),
        });
        everybody.push((aim.name(), Role::Steered, steered));
    }
    let examples = examples(&everybody, aims);
    let names: Vec<String> = everybody.iter().skip(1).map(|(name, ..)| name.clone()).collect();
    let trained: Vec<&str> = names.iter().map(String::as_str).collect();
    RunSummary {
        frontiers: aims.iter().map(frontier).collect(),
        training: trained.iter().map(|name| training(name)).collect(),
        examples,
        shifts,
        respondents: everybody
            .into_iter()
            .map(|(name, role, scores)| RespondentSummary {
                steering: name.clone(),
                seed: u64::from(role != Role::Base),
                name,
                role,
                profile: Profile::new(&scores, options()).expect("answered"),
            })
            .collect(),
        ..frame(name, &trained)
    }
}

/// Targets move towards their goal; on the circle neighbours come along a little, and
/// opposites move against it.
fn movement(target: &Target, aim: &Aim, dimension: &Dimension) -> f64 {
    let direction = aim.direction.sign();
    if target.goal(dimension).is_some() {
        return direction * aim.effect;
    }
    let distance = target.distance(dimension).unwrap_or(5) as f64;
    direction * aim.effect * 0.28 * (1.0 - distance / 6.0) + 0.03
}

fn examples(everybody: &[(String, Role, Scores)], aims: &[Aim]) -> Vec<Example> {
    let Some((_, _, first)) = everybody.first() else { return Vec::new() };
    let targets: Vec<_> = aims
        .iter()
        .map(|aim| Target::new(Dimension::from_key(aim.dimension), aim.direction))
        .collect();
    let shown = first.items.iter().step_by(2);
    shown
        .map(|score| {
            let rating_of = |(name, _, scores): &(String, Role, Scores)| {
                let rating = scores.item(&score.item).and_then(|own| own.mean).unwrap_or(f64::NAN);
                (name.clone(), rating)
            };
            let ratings: Vec<(String, f64)> = everybody.iter().map(rating_of).collect();
            Example {
                item: score.item.clone(),
                dimension: score.dimension.key(),
                is_target: targets.iter().any(|target| target.goal(&score.dimension).is_some()),
                statement: format!(
                    "A made-up statement number {} on {}, long enough to fill a line or two.",
                    score.item.rsplit('-').next().unwrap_or_default(),
                    score.dimension.label().to_lowercase()
                ),
                probabilities: ratings.iter().map(|(_, rating)| around(*rating)).collect(),
                ratings,
            }
        })
        .collect()
}

/// Probabilities that peak at a rating.
fn around(rating: f64) -> [f64; 6] {
    let weights = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0].map(|r: f64| (-(r - rating).powi(2) / 1.2).exp());
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}

fn training(name: &str) -> TrainingSummary {
    let step = |step: usize| StepRecord {
        step,
        epoch: step / 24,
        loss: 0.35 + 2.1 * (-(step as f64) / 14.0).exp() + 0.05 * noise(&format!("{name}/{step}")),
        language_kl: None,
        gradient_norm: 1.0,
        lr: 1e-4,
        rows: 27,
        tokens: 2_199,
        unique_tokens: 450,
        seconds: 1.3,
    };
    let validation = |epoch: usize| ValidationRecord {
        step: epoch * 24,
        epoch,
        loss: 0.42
            + 1.6 * (-(epoch as f64) * 1.4).exp()
            + 0.02 * noise(&format!("{name}/v{epoch}")),
        improved: epoch < 4,
    };
    TrainingSummary {
        respondent: name.to_owned(),
        rows: 3_240,
        tokens: 263_880,
        unique_tokens: 54_000,
        parameters: 19_537_920,
        seconds: 192.4,
        stopped: StopReason::EarlyStopping,
        history: History {
            steps: (1..=120).map(step).collect(),
            validations: (1..=5).map(validation).collect(),
        },
    }
}

/// Everything but answers.
fn frame(name: &str, trained: &[&str]) -> RunSummary {
    let phase = |name: &str, seconds: f64| (name.to_owned(), seconds);
    let training = trained.iter().map(|name| phase(&format!("train {name}"), 192.4));
    let timings = [phase("baseline", 41.0)].into_iter().chain(training);
    let timings = timings.chain([phase("profile", 61.8)]).collect();
    let text = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>()
    };
    RunSummary {
        anchors: (!trained.is_empty()).then_some(Anchors::Hard),
        controls: Vec::new(),
        frontiers: Vec::new(),
        format_version: RunSummary::FORMAT_VERSION,
        name: name.to_owned(),
        created: "2026-07-30T12:34:56Z".to_owned(),
        axia_version: "0.1.0".to_owned(),
        command: format!(
            "axia run --name {name} --model synthetic-135m --target power --direction down --seed 1"
        ),
        model: ModelInfo {
            name: "synthetic-135m".to_owned(),
            architecture: "llama".to_owned(),
            parameters: 134_515_008,
            storage: "Q4_1, Q8_0, F32".to_owned(),
            bytes: 98_700_000,
        },
        survey: SurveyInfo {
            name: "axia-594".to_owned(),
            title: "axia value survey (synthetic answers)".to_owned(),
            items: [378, 108, 100],
            train_variants: 9,
            test_variants: 12,
            instructions: INSTRUCTIONS,
            templates: TEMPLATES,
        },
        machine: "a made-up machine, 2 cores, 2 threads".to_owned(),
        settings: text(&[
            ("learning rate", "0.0001"),
            ("rank", "64"),
            ("alpha", "128"),
            ("epochs", "10, early stopping with patience 2"),
            ("seed", "1"),
        ]),
        hashes: BTreeMap::from([
            ("model".to_owned(), "9f".repeat(32)),
            ("survey".to_owned(), "3a".repeat(32)),
        ]),
        respondents: Vec::new(),
        shifts: Vec::new(),
        training: Vec::new(),
        examples: Vec::new(),
        stages: Summaries::default(),
        notes: vec![
            Note {
                level: NoteLevel::Caution,
                text: "The numbers of this run are synthetic; they say nothing about any model."
                    .to_owned(),
            },
            Note {
                level: NoteLevel::Info,
                text: "There are five synthetic items for each dimension.".to_owned(),
            },
        ],
        timings,
    }
}

/// The usual study: power down, with a clear effect.
pub fn study() -> RunSummary {
    run("power-study", &values(), &[Aim::power_down(0.8)])
}

/// The refined values that basic power stands for.
pub fn power() -> Vec<RefinedValue> {
    "power".parse::<Value>().map(Value::refined).unwrap_or_default()
}
