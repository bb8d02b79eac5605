//! The section on moral judgement.

use serde::Serialize;

use super::gains::{GainPanel, panel};
use super::matrix::matrix;
use super::reader::{Reader, reader};
use super::verdicts::{VerdictGroup, groups, sensitivity};
use crate::report::figure::gain_domain;
use crate::report::gain_verdict::gain_verdict;
use crate::report::page::cast::Cast;
use crate::report::words::{fixed, grouped, list, posts};
use crate::stage::judgement::{JudgementShiftSummary, JudgementSummary};
use crate::text::visible_line;

/// Steered respondents whose tables are open from the start.
const FEW: usize = 2;
const NAME_CHARACTERS: usize = 60;

/// How the respondents judge dilemmas.
#[derive(Debug, Serialize)]
pub(in crate::report::page) struct JudgementSection {
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

/// The section, in the looks of `cast`.
pub(in crate::report::page) fn section(
    judgement: &JudgementSummary,
    cast: &Cast<'_>,
) -> JudgementSection {
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
