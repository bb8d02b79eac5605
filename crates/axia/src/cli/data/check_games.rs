//! The part of `axia data check` that is about games.

use crate::cli::failure::Outcome;
use crate::games::{GamesError, Location};
use crate::text::plain;
use axia_adventure::check::{CheckOptions, Finding, Report, Severity, check};
use axia_adventure::error::LoadError;
use rayon::prelude::*;
use serde_json::{Value as Json, json};

/// Findings of a kind that are shown.
const SHOWN: usize = 50;

/// A report on a game.
pub struct CheckedGame {
    pub name: String,
    pub errors: usize,
    pub text: String,
    pub json: Json,
}

/// Checks games.
///
/// A game with mistakes in its scenes has a report. One whose files cannot be read is an error.
pub fn check_games(games: &[Location]) -> Outcome<Vec<CheckedGame>> {
    let checked: Result<Vec<CheckedGame>, GamesError> = games.par_iter().map(check_game).collect();
    Ok(checked?)
}

fn check_game(location: &Location) -> Result<CheckedGame, GamesError> {
    let name = location.name();
    let game = match location.load() {
        Ok(loaded) => loaded.game,
        Err(GamesError::Load(error @ (LoadError::Scene(_) | LoadError::Scenes { .. }))) => {
            return Ok(unplayable(name, &error));
        }
        Err(error) => return Err(error),
    };
    let options = CheckOptions::default();
    let report = check(&game, &options);
    let mut text = format!("{}, checked in play\n\n{}", game.manifest.title, branching(&report));
    for finding in shown(&report.findings) {
        text += &format!("{finding}\n");
    }
    let counts = [Severity::Error, Severity::Warning, Severity::Note].map(|s| report.count(s));
    let [errors, warnings, notes] = counts;
    text += &format!("{errors} errors, {warnings} warnings, {notes} notes");
    let json = serde_json::to_value(&report).unwrap_or_default();
    Ok(CheckedGame { name, errors, text: plain(&text), json })
}

/// A game that does not come to its first choice.
fn unplayable(name: String, error: &LoadError) -> CheckedGame {
    let message = plain(&error.to_string());
    let text = format!(
        "{name}, which cannot be played\n\nerror: {message}\n1 errors, 0 warnings, 0 notes"
    );
    let json = json!({
        "game": name,
        "findings": [{"severity": "error", "rule": "load", "message": message}],
    });
    CheckedGame { name, errors: 1, text, json }
}

/// How the game branches.
fn branching(report: &Report) -> String {
    let walked = &report.branching;
    let (fewest, mean, most) = walked.steps;
    let (marks, annotated) = report.annotated;
    let all = if walked.all_states { ", which are all" } else { "" };
    let unlocked: Vec<String> =
        walked.achievements.iter().map(|(id, games)| format!("{id} {games}")).collect();
    format!(
        "  marks                 {marks}, of which {annotated} are annotated\n  \
           choices met           {}, with {:.1} options\n  \
           endings met           {}\n  \
           states met            {}{all}\n  \
           steps of random games {fewest} to {most}, mean {mean:.1}\n  \
           points of these       {:.1} % of all\n  \
           achievements          {}\n  \
           (in {} random games)\n\n",
        walked.choices,
        walked.options,
        walked.endings,
        walked.states,
        walked.points,
        unlocked.join(", "),
        walked.games,
    )
}

/// The findings as lines: of each rule the first ones.
fn shown(findings: &[Finding]) -> Vec<String> {
    let alike = |a: &Finding, b: &Finding| (a.severity, a.rule) == (b.severity, b.rule);
    let mut lines = Vec::new();
    for kind in findings.chunk_by(alike) {
        lines.extend(kind.iter().take(SHOWN).map(ToString::to_string));
        if kind.len() > SHOWN {
            lines.push(format!("… and {} more of this kind", kind.len() - SHOWN));
        }
    }
    lines
}
