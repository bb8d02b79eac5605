//! How often each verdict is given, and what the way of asking changes.

use axia_values::dilemma::Stance;
use axia_values::judgement::{VerdictDistribution, VerdictProbabilities};
use serde::Serialize;

use crate::report::Cast;
use crate::report::figure::{Style, verdict_bar};
use crate::report::subject;
use crate::report::words::{fixed, posts};
use crate::stage::judgement::{JudgementSummary, RespondentVerdicts, Spread};

const BAR_WIDTH: f64 = 240.0;

/// A part of the table of verdicts.
#[derive(Debug, Serialize)]
pub(super) struct VerdictGroup {
    name: String,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    class: String,
    bar: String,
    /// In the order of [`Stance::ALL`].
    verdicts: Vec<Share>,
    /// Over wordings, over orders, over all ways.
    spread: Option<[Option<String>; 3]>,
}

#[derive(Debug, Serialize)]
struct Share {
    mean: String,
    /// How often the verdict is the most probable.
    most_probable: Option<usize>,
}

/// Everybody's verdicts on all posts, before and after on the targets' own posts, and on posts
/// without content.
pub(super) fn groups(judgement: &JudgementSummary, cast: &Cast<'_>) -> Vec<VerdictGroup> {
    let everybody = judgement.respondents.iter().map(|one| row(one, cast)).collect();
    let all = VerdictGroup { name: format!("All {}", posts(judgement.posts)), rows: everybody };
    let targets = judgement.shifts.iter().filter_map(|shift| {
        let verdicts = shift.against_control.target_verdicts.as_ref()?;
        let own = cast.style(&shift.respondent);
        let rows = vec![
            plain("control", Style::CONTROL, &verdicts.control),
            plain(&shift.respondent, own, &verdicts.steered),
        ];
        Some(VerdictGroup { name: format!("Posts about {}", subject(&shift.title)), rows })
    });
    let empty = judgement.respondents.iter().filter_map(|one| {
        let class = cast.style_of(&one.name, one.role).class();
        Some(means(&one.name, class, one.content_free.as_ref()?))
    });
    let empty = VerdictGroup {
        name: "Posts without content, whose bias calibration takes out".to_owned(),
        rows: empty.collect(),
    };
    let groups = [all].into_iter().chain(targets).chain([empty]);
    groups.filter(|group| !group.rows.is_empty()).collect()
}

fn row(one: &RespondentVerdicts, cast: &Cast<'_>) -> Row {
    let Spread { ways, wordings, orders } = one.spread;
    let show = |sd: f64| format!("±{}", fixed(sd, 3));
    Row {
        spread: Some([wordings.map(show), orders.map(show), Some(show(ways))]),
        ..plain(&one.name, cast.style_of(&one.name, one.role), &one.distribution)
    }
}

fn plain(name: &str, style: Style, distribution: &VerdictDistribution) -> Row {
    let mut row = means(name, style.class(), &distribution.mean);
    for (share, count) in row.verdicts.iter_mut().zip(distribution.argmax) {
        share.most_probable = Some(count);
    }
    row
}

fn means(name: &str, class: String, probabilities: &VerdictProbabilities) -> Row {
    let share = |stance: Stance| Share {
        mean: fixed(probabilities.probability(stance), 3),
        most_probable: None,
    };
    Row {
        name: name.to_owned(),
        class,
        bar: verdict_bar(probabilities, BAR_WIDTH),
        verdicts: Stance::ALL.map(share).into(),
        spread: None,
    }
}

/// What the way of asking changes, in a sentence.
pub(super) fn sensitivity(judgement: &JudgementSummary) -> Option<String> {
    let over = |of: fn(&Spread) -> Option<f64>| {
        let all = judgement.respondents.iter().filter_map(|one| of(&one.spread));
        let sds: Vec<f64> = all.filter(|sd| sd.is_finite()).collect();
        let ends = [f64::min, f64::max].map(|end| sds.iter().copied().reduce(end));
        let [low, high] = ends.map(|end| end.map(|sd| format!("±{}", fixed(sd, 3))));
        let (low, high) = (low?, high?);
        Some(if low == high { low } else { format!("{low} to {high}") })
    };
    let parts = match (over(|spread| spread.wordings), over(|spread| spread.orders)) {
        (Some(wording), Some(order)) => {
            format!("{wording} with the wording and {order} with the order of the answers")
        }
        (Some(wording), None) => format!("{wording} with the wording"),
        (None, Some(order)) => format!("{order} with the order of the answers"),
        (None, None) => format!(
            "{} with wording and order of the answers, which this design does not tell apart",
            over(|spread| Some(spread.ways))?
        ),
    };
    let several = judgement.settings.ways.list().len() > 1;
    several.then(|| format!("The probability of a verdict changes by {parts}."))
}
