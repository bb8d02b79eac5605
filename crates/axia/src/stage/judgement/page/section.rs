//! The section on moral judgement.

use super::gains::{GainPanel, panel};
use super::matrix::matrix;
use super::reader::{Reader, reader};
use super::verdicts::{VerdictGroup, groups, sensitivity};
use crate::report::figure::gain_domain;
use crate::report::words::{fixed, gain, gain_with_interval, grouped, list, p_value, posts};
use crate::report::{About, Cast, Metric, Number, Outcome, Shown, Table, Task, Verdict, subject};
use crate::stage::judgement::{JudgementShiftSummary, JudgementSummary, RespondentVerdicts};
use crate::text::visible_line;
use axia_values::dilemma::Stance;
use axia_values::judgement::JudgementShift;
use axia_values::stats::{Estimate, MIN_EXAMPLES, SampleSummary};
use axia_values::target::Direction;
use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

/// Steered respondents whose tables are open from the start.
const FEW: usize = 2;
const NAME_CHARACTERS: usize = 60;

static ABOUT: About = About {
    name: "judgement",
    title: "Judgement",
    section: ("judgement.html", include_str!("judgement.html")),
    methods: ("judgement-methods.html", include_str!("methods.html")),
    heading: "Judgements",
    unlike: "The runs judged different sets of posts, so that their gains do not compare post by post.",
    caption: "Mean probability gain against each run’s own control, every post weighing the same, with \
              95\u{a0}% intervals. Positive: verdicts moved as the steering predicts.",
};

/// How the respondents judge dilemmas.
#[derive(Debug, Serialize)]
struct JudgementSection {
    findings: Vec<Finding>,
    /// What was judged, and how, in sentences.
    facts: String,
    panels: Vec<GainPanel>,
    open: bool,
    verdicts: Vec<VerdictGroup>,
    sensitivity: Option<String>,
    matrix: Option<String>,
    reader: Reader,
}

#[derive(Debug, Serialize)]
struct Finding {
    class: String,
    outcome: &'static str,
    answer: std::borrow::Cow<'static, str>,
    sentence: String,
}

impl Shown for JudgementSummary {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn section(&self, cast: &Cast<'_>) -> Value {
        Value::from(Serde(section(self, cast)))
    }

    fn add_rows(&self, table: &mut Table) {
        table.judgement(self);
    }

    fn numbers(&self, respondent: &str) -> Vec<Number> {
        let own = self.shifts.iter().find(|shift| shift.respondent == respondent);
        own.map(|shift| numbers(&shift.against_control)).unwrap_or_default()
    }

    fn facts(&self) -> Vec<(String, String)> {
        let yes_or_no = |is: bool| if is { "yes" } else { "no" }.to_owned();
        let facts = [
            ("Dilemmas", visible_line(&self.dilemmas, NAME_CHARACTERS)),
            ("SHA-256 of the dilemmas", self.hash.clone()),
            ("Dilemmas judged", self.posts.to_string()),
            ("Ways of asking about dilemmas", self.settings.ways.list().len().to_string()),
            ("Verdicts calibrated", yes_or_no(self.settings.calibrate)),
            ("Dilemmas put in the chat format", yes_or_no(self.settings.chat)),
        ];
        facts.map(|(name, value)| (name.to_owned(), value)).into()
    }

    fn tasks(&self) -> Vec<Task> {
        let task = |one: &RespondentVerdicts| {
            let mean = &one.distribution.mean;
            let metric =
                |stance: &Stance| Metric::plain(&stance.to_string(), mean.probability(*stance));
            Task {
                name: format!("axia_dilemmas_{}", one.name),
                metrics: Stance::ALL.iter().map(metric).collect(),
                samples: self.posts,
            }
        };
        self.respondents.iter().map(task).collect()
    }

    fn on_card(&self, respondent: &str) -> Option<String> {
        let own = self.shifts.iter().find(|shift| shift.respondent == respondent)?;
        let gain = own.against_control.on_target.as_ref()?;
        Some(format!(
            "On {} about its target the probabilities of its verdicts moved by {} in the direction \
             taught (mean gain over posts against the control, 95 % interval).",
            posts(gain.full.clusters),
            gain_with_interval(&gain.full.weighted),
        ))
    }

    fn asked(&self) -> Vec<String> {
        vec![self.hash.clone()]
    }
}

fn numbers(shift: &JudgementShift) -> Vec<Number> {
    let (own, others) = (shift.on_target.as_ref(), shift.off_target.as_ref());
    let estimate = |name, found| Number::estimate(name, found, gain_with_interval, gain);
    let text = |name, of: fn(&SampleSummary) -> String| {
        Number::text(name, own.map(|gains| of(&gains.full)))
    };
    vec![
        estimate("The target’s posts", own.map(|gains| gains.full.weighted)),
        estimate("Strict gain", own.map(|gains| gains.strict.weighted)),
        text("One-sided p", |sample| p_value(sample.p_positive)),
        text("How many posts", power),
        estimate("All other posts", others.map(|gains| gains.full.weighted)),
    ]
}

fn power(sample: &SampleSummary) -> String {
    let weak = if sample.underpowered { " (underpowered)" } else { "" };
    format!("{}{weak}", sample.clusters)
}

/// The section, in the looks of `cast`.
fn section(judgement: &JudgementSummary, cast: &Cast<'_>) -> JudgementSection {
    let shifts = &judgement.shifts;
    let domain =
        gain_domain(shifts.iter().flat_map(|shift| [&shift.against_control, &shift.against_base]));
    let panel = |shift: &JudgementShiftSummary| panel(shift, cast.style(&shift.respondent), domain);
    JudgementSection {
        findings: shifts.iter().map(|shift| finding(shift, cast)).collect(),
        facts: facts(judgement),
        panels: shifts.iter().map(panel).collect(),
        open: shifts.len() <= FEW,
        verdicts: groups(judgement, cast),
        sensitivity: sensitivity(judgement),
        matrix: matrix(judgement),
        reader: reader(judgement, cast),
    }
}

fn finding(shift: &JudgementShiftSummary, cast: &Cast<'_>) -> Finding {
    let verdict = gain_verdict(shift);
    Finding {
        class: cast.style(&shift.respondent).class(),
        outcome: verdict.outcome.slug(),
        answer: verdict.answer,
        sentence: verdict.sentence,
    }
}

fn facts(judgement: &JudgementSummary) -> String {
    let ways = judgement.settings.ways.list().len();
    let mut text = format!(
        "{} of {} were judged, each in {ways} ways of asking. ",
        posts(judgement.posts),
        visible_line(&judgement.dilemmas, NAME_CHARACTERS)
    );
    text += match judgement.settings.calibrate {
        true => "A respondent’s liking for a verdict whatever the post is taken out (calibrated). ",
        false => "The probabilities are not calibrated. ",
    };
    if let Some(scale) = judgement.scale {
        text += &format!("Adapters acted with {} times their effect. ", fixed(scale, 2));
    }
    let longest = judgement.cut.values().max();
    if let Some(longest) = longest {
        text += &format!(
            "Of {}, up to {} characters were cut from the middle to fit the model’s context. ",
            posts(judgement.cut.len()),
            grouped(*longest as u64)
        );
    }
    let excluded = judgement.shifts.iter().map(|shift| &shift.against_control.excluded);
    let excluded: std::collections::BTreeSet<&String> = excluded.flatten().collect();
    if !excluded.is_empty() {
        let ids = excluded.iter().map(|id| visible_line(id, NAME_CHARACTERS));
        text += &format!(
            "Left out because somebody gave no verdict: {}. ",
            list(&ids.take(20).collect::<Vec<_>>())
        );
    }
    text.trim_end().to_owned()
}

/// Judges one steered respondent's judgements against its control's.
pub(super) fn gain_verdict(summary: &JudgementShiftSummary) -> Verdict {
    let shift = &summary.against_control;
    let subject = subject(&summary.title);
    let Some(own) = shift.on_target.as_ref().map(|own| &own.full) else {
        let all = &shift.overall.full;
        let sentence = format!(
            "None of the posts is about {subject}. On all {} the probability gain against the \
             matched control is {}{}.",
            posts(all.clusters),
            gain_with_interval(&all.weighted),
            if includes_zero(&all.weighted) { ", an interval that includes zero" } else { "" }
        );
        return Verdict { outcome: Outcome::Unclear, answer: "Not measured.".into(), sentence };
    };
    let outcome = Outcome::of(&own.weighted);
    let steered = format!("Steered {} on {subject}, the model", shift.direction.slug());
    let sentence = format!("{steered} {}.{}", movement(own, outcome, shift), others(shift));
    Verdict { outcome, answer: answer(own, outcome).into(), sentence }
}

const fn answer(own: &SampleSummary, outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Moved if own.underpowered => "Yes, on few posts.",
        Outcome::Moved => "Yes.",
        Outcome::Unclear => "No effect is shown.",
        Outcome::Opposite => "No: it moved against the prediction.",
        Outcome::NoInterval => "Too few posts to tell.",
    }
}

fn movement(own: &SampleSummary, outcome: Outcome, shift: &JudgementShift) -> String {
    let people = match shift.direction {
        Direction::Down => "people do to whom it means little",
        Direction::Up => "people do to whom it is dear",
    };
    let measure = format!(
        "probability gain {} against the matched control ({})",
        gain_with_interval(&own.weighted),
        evidence(own)
    );
    match outcome {
        Outcome::Moved => format!("judges posts about it more as {people}: {measure}"),
        Outcome::Opposite => format!("judges posts about it less as {people}: {measure}"),
        Outcome::Unclear => format!(
            "is not shown to judge posts about it otherwise: {measure}, an interval that \
             includes zero"
        ),
        Outcome::NoInterval => format!(
            "was asked about one post on it only: probability gain {} against the matched \
             control; there is no interval, and chance cannot be told from effect",
            gain(own.weighted.value)
        ),
    }
}

/// `one-sided p = 0.012, 20 posts: underpowered, fewer than 30`.
fn evidence(sample: &SampleSummary) -> String {
    let p = match p_value(sample.p_positive) {
        small if small.starts_with('<') => small,
        p => format!("= {p}"),
    };
    let power = match sample.underpowered {
        true => format!(": underpowered, fewer than {MIN_EXAMPLES}"),
        false => String::new(),
    };
    format!("one-sided p {p}, {}{power}", posts(sample.clusters))
}

/// What happened to the other posts, as a sentence of its own.
fn others(shift: &JudgementShift) -> String {
    let Some(other) = shift.off_target.as_ref().map(|other| &other.full) else {
        return String::new();
    };
    let so = if includes_zero(&other.weighted) {
        "an interval that includes zero"
    } else if other.weighted.value > 0.0 {
        "so other judgements moved along"
    } else {
        "so other judgements moved against it"
    };
    let measure = gain_with_interval(&other.weighted);
    format!(" On the other {} the gain is {measure}, {so}.", posts(other.clusters))
}

fn includes_zero(estimate: &Estimate) -> bool {
    estimate.low <= 0.0 && estimate.high >= 0.0
}
