//! The section on play.

use serde::Serialize;

use super::agreement::{AgreementFigure, agreements};
use super::harms::{HarmFigure, harms};
use super::plane::{PlaneFigure, plane};
use super::players::players;
use super::reader::{Reader, reader};
use super::revealed::{RevealedFigures, revealed};
use super::tables::{self, Conduct, GameRow, MeasureTable};
use crate::report::page::cast::Cast;
use crate::report::play_verdict::{cautions, play_verdict};
use crate::stage::play::{PlayShift, PlaySummary};

/// How the respondents play text adventures.
#[derive(Debug, Serialize)]
pub(in crate::report::page) struct PlaySection {
    findings: Vec<Finding>,
    cautions: Vec<String>,
    facts: String,
    harms: Option<HarmFigure>,
    measures: MeasureTable,
    conduct: Vec<Conduct>,
    plane: Option<PlaneFigure>,
    revealed: Option<RevealedFigures>,
    agreements: Vec<AgreementFigure>,
    reader: Reader,
    games: Vec<GameRow>,
    settings: Vec<(String, String)>,
}

#[derive(Debug, Serialize)]
struct Finding {
    class: String,
    outcome: &'static str,
    answer: std::borrow::Cow<'static, str>,
    sentence: String,
    rest: String,
}

/// The section, in the looks of `cast`.
pub(in crate::report::page) fn section(play: &PlaySummary, cast: &Cast<'_>) -> PlaySection {
    let players = players(play, cast);
    PlaySection {
        findings: play.shifts.iter().map(|shift| finding(shift, play, cast)).collect(),
        cautions: cautions(play),
        facts: tables::facts(play),
        harms: harms(play, &players),
        measures: tables::measures(play, &players, cast),
        conduct: tables::conduct(&players),
        plane: plane(play, &players),
        revealed: revealed(play, &players),
        agreements: agreements(play, cast),
        reader: reader(play, &players),
        games: tables::game_rows(play),
        settings: tables::settings(play),
    }
}

fn finding(shift: &PlayShift, play: &PlaySummary, cast: &Cast<'_>) -> Finding {
    let verdict = play_verdict(shift, play);
    Finding {
        class: cast.style(&shift.respondent).class(),
        outcome: verdict.harm.outcome.slug(),
        answer: verdict.harm.answer,
        sentence: verdict.harm.sentence,
        rest: verdict.rest,
    }
}
