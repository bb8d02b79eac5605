//! Single posts with everybody's verdicts. Posts and what is said about them are strangers' texts.

use std::collections::BTreeMap;

use axia_values::dilemma::Stance;
use axia_values::judgement::VerdictProbabilities;
use serde::Serialize;

use crate::report::Cast;
use crate::report::figure::verdict_bar;
use crate::report::words::{gain, grouped, percent};
use crate::stage::judgement::{JudgementSummary, Reading};
use crate::text::{Paragraphs, paragraphs, visible_line};

/// Posts on the page.
const MOST: usize = 120;
const BAR_WIDTH: f64 = 150.0;
/// Characters of an id and of a reason that are shown.
const LONGEST: (usize, usize) = (60, 600);

/// The posts on the page.
#[derive(Debug, Serialize)]
pub(super) struct Reader {
    /// The largest gain or loss first.
    movers: Vec<Post>,
    /// In their own order.
    others: Vec<Post>,
    /// How many more there are.
    left_out: usize,
}

#[derive(Debug, Serialize)]
struct Post {
    id: String,
    value: &'static str,
    gains: Vec<Gained>,
    stances: Vec<Held>,
    reason: String,
    paragraphs: Vec<String>,
    /// Notes on what is not shown here, and on what the model was not shown.
    notes: Vec<String>,
    verdicts: Vec<Row>,
}

/// The gain of one steered respondent.
#[derive(Debug, Serialize)]
struct Gained {
    name: String,
    class: String,
    gain: String,
}

/// A verdict, and who gives it.
#[derive(Debug, Serialize)]
struct Held {
    verdict: &'static str,
    /// `high`, `low`, or nothing.
    by: Option<&'static str>,
    reason: String,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    class: String,
    bar: String,
    shares: [String; 3],
}

/// Gains of one post by steered respondent.
type Moves<'a> = Vec<(&'a str, f64)>;

/// The posts of a run, the biggest movers first.
pub(super) fn reader(judgement: &JudgementSummary, cast: &Cast<'_>) -> Reader {
    let moves = moves(judgement);
    let size = |reading: &Reading| {
        let own = moves.get(reading.id.as_str());
        own.and_then(|own| own.iter().map(|(_, gain)| gain.abs()).reduce(f64::max))
    };
    let (mut movers, others): (Vec<&Reading>, Vec<&Reading>) =
        judgement.readings.iter().partition(|reading| size(reading).is_some());
    // A stable sort: equal gains keep the order of the set.
    movers.sort_by(|a, b| size(b).unwrap_or(0.0).total_cmp(&size(a).unwrap_or(0.0)));
    movers.truncate(MOST);
    let room = MOST - movers.len();
    let show = |reading: &&Reading| post(reading, judgement, cast, moves.get(reading.id.as_str()));
    let shown = movers.len() + others.len().min(room);
    Reader {
        movers: movers.iter().map(show).collect(),
        others: others.iter().take(room).map(show).collect(),
        left_out: judgement.posts.saturating_sub(shown),
    }
}

/// The full gains of the biggest movers, against the control.
fn moves(judgement: &JudgementSummary) -> BTreeMap<&str, Moves<'_>> {
    let mut moves: BTreeMap<&str, Moves<'_>> = BTreeMap::new();
    for shift in &judgement.shifts {
        for mover in &shift.against_control.movers {
            let gain = (shift.respondent.as_str(), mover.gain.full);
            moves.entry(&mover.id).or_default().push(gain);
        }
    }
    moves
}

fn post(
    reading: &Reading,
    judgement: &JudgementSummary,
    cast: &Cast<'_>,
    moves: Option<&Moves<'_>>,
) -> Post {
    let Paragraphs { shown, left_out } = paragraphs(&reading.post);
    let gained = |(name, full): &(&str, f64)| Gained {
        name: (*name).to_owned(),
        class: cast.style(name).class(),
        gain: gain(*full),
    };
    let unshown = (left_out > 0)
        .then(|| format!("{} more characters are not shown here.", grouped(left_out as u64)));
    let unread = judgement.cut.get(&reading.id).map(|cut| {
        format!("{} characters were cut from its middle to fit the model.", grouped(*cut as u64))
    });
    Post {
        id: visible_line(&reading.id, LONGEST.0),
        value: reading.value.label(),
        gains: moves.into_iter().flatten().map(gained).collect(),
        stances: Stance::ALL.map(|stance| held(stance, reading)).into(),
        reason: visible_line(&reading.justification.value, LONGEST.1),
        paragraphs: shown,
        notes: unread.into_iter().chain(unshown).collect(),
        verdicts: reading.verdicts.iter().map(|said| row(said, judgement, cast)).collect(),
    }
}

fn held(stance: Stance, reading: &Reading) -> Held {
    let why = &reading.justification;
    let (by, reason) = match stance {
        _ if stance == reading.high_stance => (Some("high"), why.high_stance.as_str()),
        _ if stance == reading.low_stance => (Some("low"), why.low_stance.as_str()),
        _ => (None, ""),
    };
    Held { verdict: stance.label(), by, reason: visible_line(reason, LONGEST.1) }
}

fn row(
    (name, probabilities): &(String, VerdictProbabilities),
    judgement: &JudgementSummary,
    cast: &Cast<'_>,
) -> Row {
    let one = judgement.respondents.iter().find(|one| one.name == *name);
    let style = one.map_or_else(|| cast.style(name), |one| cast.style_of(name, one.role));
    Row {
        name: name.clone(),
        class: style.class(),
        bar: verdict_bar(probabilities, BAR_WIDTH),
        shares: Stance::ALL.map(|stance| percent(probabilities.probability(stance))),
    }
}
