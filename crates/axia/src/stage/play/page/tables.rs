//! All numbers of play.

use axia_values::stats::Estimate;
use serde::Serialize;

use super::metrics::{ACHIEVEMENTS, SCORE, group, is_sum, title};
use super::revealed::{Player, shown};
use super::verdict::HARM_DECIMALS;
use crate::report::Cast;
use crate::report::words::{fixed, games, grouped, interval_to, percent, signed_to};
use crate::stage::play::{Decisions, GameSummary, PlaySummary};
use crate::text::visible_line;

/// Characters of a setting that are shown.
const SETTING_CHARACTERS: usize = 400;

/// Measures of all players, and what steering changed.
#[derive(Debug, Serialize)]
pub(super) struct MeasureTable {
    players: Vec<Column>,
    /// Steered respondents with changes against their control.
    steered: Vec<Column>,
    groups: Vec<Group>,
    revealed: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Column {
    name: String,
    class: String,
}

#[derive(Debug, Serialize)]
struct Group {
    name: &'static str,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    label: String,
    strong: bool,
    is_target: bool,
    cells: Vec<Option<Cell>>,
    changes: Vec<Option<Cell>>,
}

/// A number with what stands below it.
#[derive(Debug, Serialize)]
struct Cell {
    value: String,
    interval: Option<String>,
    /// Mean count a game, or decisions.
    note: Option<String>,
}

/// Everything that was measured.
pub(super) fn measures(
    play: &PlaySummary,
    players: &[Player<'_>],
    cast: &Cast<'_>,
) -> MeasureTable {
    let mut groups: Vec<Group> = Vec::new();
    for metric in metrics(play) {
        let row = row(metric, play, players);
        let name = group(metric);
        match groups.iter_mut().find(|group| group.name == name) {
            // Sums come first.
            Some(group) if is_sum(metric) => group.rows.insert(0, row),
            Some(group) => group.rows.push(row),
            None => groups.push(Group { name, rows: vec![row] }),
        }
    }
    let column = |name: &str, class: String| Column { name: shown(name), class };
    MeasureTable {
        players: players.iter().map(|one| column(&one.name, one.style.class())).collect(),
        steered: play
            .shifts
            .iter()
            .map(|shift| column(&shift.respondent, cast.style(&shift.respondent).class()))
            .collect(),
        groups,
        revealed: revealed(play, players),
    }
}

/// The measures in the order in which they first occur, reward first.
fn metrics(play: &PlaySummary) -> Vec<&str> {
    let of_players = play.players.iter().flat_map(|player| &player.measures);
    let of_shifts = play.shifts.iter().flat_map(|shift| &shift.measures);
    let names = of_players.map(|one| one.metric.as_str());
    let names = [SCORE, ACHIEVEMENTS].into_iter().chain(names);
    let names = names.chain(of_shifts.map(|one| one.metric.as_str()));
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

/// Points and achievements are shown as they are, and need no count beside them.
fn is_reward(metric: &str) -> bool {
    matches!(metric, SCORE | ACHIEVEMENTS)
}

fn row(metric: &str, play: &PlaySummary, players: &[Player<'_>]) -> Row {
    let decimals = if metric == ACHIEVEMENTS { 2 } else { HARM_DECIMALS };
    let cell = |player: &Player<'_>| {
        let own = player.summary.measures.iter().find(|one| one.metric == metric)?;
        let count = (!is_reward(metric)).then(|| format!("{} a game", fixed(own.count, 2)));
        Some(match &own.score {
            Some(score) => Cell {
                value: fixed(score.value, decimals),
                interval: Some(interval_to(score, decimals)),
                note: count,
            },
            None if is_reward(metric) => plain(fixed(own.count, decimals)),
            None => Cell { value: "–".to_owned(), interval: None, note: count },
        })
    };
    let changes = play.shifts.iter().map(|shift| {
        let own = shift.measures.iter().find(|one| one.metric == metric)?;
        Some(change(&own.change?, decimals))
    });
    Row {
        label: title(metric),
        strong: is_sum(metric),
        is_target: false,
        cells: players.iter().map(cell).collect(),
        changes: changes.collect(),
    }
}

fn change(change: &Estimate, decimals: usize) -> Cell {
    Cell {
        value: signed_to(change.value, decimals),
        interval: Some(interval_to(change, decimals)),
        note: None,
    }
}

fn plain(value: String) -> Cell {
    Cell { value, interval: None, note: None }
}

/// What choices express, of values that were at stake for anybody.
fn revealed(play: &PlaySummary, players: &[Player<'_>]) -> Vec<Row> {
    let mut values: Vec<_> = play
        .players
        .iter()
        .flat_map(|player| &player.revealed)
        .filter(|one| one.decisions > 0)
        .map(|one| one.value)
        .collect();
    values.sort();
    values.dedup();
    let row = |value: &axia_values::taxonomy::RefinedValue| {
        let cell = |player: &Player<'_>| {
            let own = player.summary.revealed.iter().find(|one| one.value == *value)?;
            let score = own.score?;
            Some(Cell { note: Some(format!("{}×", own.decisions)), ..change(&score, 2) })
        };
        let changes = play.shifts.iter().map(|shift| {
            let own = shift.revealed.iter().find(|one| one.value == *value)?;
            Some(change(&own.change?, 2))
        });
        Row {
            label: value.label().to_owned(),
            strong: false,
            is_target: play.shifts.iter().any(|shift| shift.targets.contains(value)),
            cells: players.iter().map(cell).collect(),
            changes: changes.collect(),
        }
    };
    values.iter().map(row).collect()
}

/// How one player's decisions came about.
#[derive(Debug, Serialize)]
pub(super) struct Conduct {
    name: String,
    class: String,
    games: usize,
    decisions: String,
    /// Invalid answers, loop breaks, games without an end: each with its share.
    parts: [String; 3],
}

/// How everybody's decisions came about.
pub(super) fn conduct(players: &[Player<'_>]) -> Vec<Conduct> {
    let conduct = |player: &Player<'_>| {
        let Decisions { all, invalid, loop_breaks, unfinished } = player.summary.decisions;
        let games = player.summary.episodes;
        let share = |part: usize, of: usize| match (part, of) {
            (0, _) | (_, 0) => part.to_string(),
            _ => format!("{} ({})", grouped(part as u64), percent(part as f64 / of as f64)),
        };
        Conduct {
            name: player.name.clone(),
            class: player.style.class(),
            games,
            decisions: grouped(all as u64),
            parts: [share(invalid, all), share(loop_breaks, all), share(unfinished, games)],
        }
    };
    players.iter().map(conduct).collect()
}

/// A game that was played.
#[derive(Debug, Serialize)]
pub(super) struct GameRow {
    title: String,
    name: String,
    max_points: i64,
    achievements: usize,
    seeds: usize,
    random: String,
    hash: String,
}

/// The games.
pub(super) fn game_rows(play: &PlaySummary) -> Vec<GameRow> {
    let row = |game: &GameSummary| GameRow {
        title: shown(&game.title),
        name: shown(&game.name),
        max_points: game.max_points,
        achievements: game.achievements,
        seeds: game.seeds.len(),
        random: grouped(game.random_games as u64),
        hash: visible_line(&game.hash, 80),
    };
    play.games.iter().map(row).collect()
}

/// The settings of play.
pub(super) fn settings(play: &PlaySummary) -> Vec<(String, String)> {
    let setting =
        |(name, value): &(String, String)| (shown(name), visible_line(value, SETTING_CHARACTERS));
    play.settings.iter().map(setting).collect()
}

/// What was played, in a sentence.
pub(super) fn facts(play: &PlaySummary) -> String {
    let most = play.players.iter().map(|player| player.episodes).max().unwrap_or(0);
    let seeds = play.games.iter().map(|game| game.seeds.len());
    let ends = (seeds.clone().min().unwrap_or(0), seeds.max().unwrap_or(0));
    let seeds = match ends {
        (1, 1) => "one seed".to_owned(),
        (low, high) if low == high => format!("{low} seeds"),
        (low, high) => format!("{low} to {high} seeds"),
    };
    let titles: Vec<String> = play.games.iter().take(6).map(|game| shown(&game.title)).collect();
    let more = play.games.len().saturating_sub(titles.len());
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let adventures = match play.games.len() {
        1 => "one text adventure".to_owned(),
        count => format!("{count} text adventures"),
    };
    let titles = titles.join(", ");
    format!(
        "Everybody played {adventures} ({titles}{more}), each from {seeds}: {} a respondent at \
         most. All play from the same seeds.",
        games(most)
    )
}
