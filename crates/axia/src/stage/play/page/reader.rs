//! Games with everybody's way through them. Scenes and options are strangers' texts.

use serde::Serialize;

use super::paths::{Paths, Segment, Walker};
use super::revealed::{Player, shown};
use crate::report::words::grouped;
use crate::run::Role;
use crate::stage::play::PlaySummary;

/// Decisions of a way that are shown, and how few make a game not worth showing.
const DECISIONS: (usize, usize) = (150, 8);
/// Characters on the page, about.
const ROOM: usize = 3_000_000;

/// The games on the page.
#[derive(Debug, Serialize)]
pub(super) struct Reader {
    /// Whose ways there are.
    players: Vec<Reading>,
    /// Numbers of the two players that are compared at first.
    compared: [usize; 2],
    games: Vec<Game>,
    /// Titles of games that found no room.
    left_out: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Reading {
    number: usize,
    name: String,
}

#[derive(Debug, Serialize)]
struct Game {
    title: String,
    seed: u64,
    results: Vec<GameResult>,
    tree: Segment,
}

/// How a player fared in a game.
#[derive(Debug, Serialize)]
struct GameResult {
    who: usize,
    name: String,
    class: String,
    points: String,
    decisions: usize,
}

/// The transcripts of a run, game by game.
pub(super) fn reader(play: &PlaySummary, players: &[Player<'_>]) -> Reader {
    let is_told = |player: &Player<'_>| {
        play.transcripts.iter().any(|one| one.respondent == player.summary.name)
    };
    let told: Vec<&Player<'_>> = players.iter().filter(|player| is_told(player)).collect();
    let mut reader = Reader {
        players: told
            .iter()
            .enumerate()
            .map(|(number, player)| Reading { number, name: player.name.clone() })
            .collect(),
        compared: compared(&told),
        games: Vec::new(),
        left_out: Vec::new(),
    };
    let mut room = ROOM;
    for game in &play.games {
        let Some(seed) = first_seed(play, &game.name) else { continue };
        let walkers = walkers(play, &told, &game.name, seed);
        if walkers.is_empty() {
            continue;
        }
        match tree(play, &walkers, room) {
            Some((tree, size)) => {
                room -= size;
                let (title, results) = (shown(&game.title), walkers.iter().map(result).collect());
                reader.games.push(Game { title, seed, results, tree });
            }
            None => reader.left_out.push(shown(&game.title)),
        }
    }
    reader
}

/// Control and the first steered one; whoever there is without them.
fn compared(told: &[&Player<'_>]) -> [usize; 2] {
    let find = |role: Role| told.iter().position(|player| player.summary.role == role);
    let last = told.len().saturating_sub(1);
    let second = find(Role::Steered).unwrap_or_else(|| last.min(1));
    [find(Role::Control).unwrap_or(0), second]
}

fn first_seed(play: &PlaySummary, game: &str) -> Option<u64> {
    play.transcripts.iter().find(|one| one.game == game).map(|one| one.seed)
}

/// Everybody's way through one game from one seed.
fn walkers<'a>(
    play: &'a PlaySummary,
    told: &[&Player<'_>],
    game: &str,
    seed: u64,
) -> Vec<Walker<'a>> {
    let walker = |(number, player): (usize, &&Player<'_>)| {
        let mut all = play.transcripts.iter();
        let transcript = all.find(|one| {
            one.respondent == player.summary.name && one.game == game && one.seed == seed
        })?;
        let (name, class) = (player.name.clone(), player.style.class());
        Some(Walker { number, name, class, transcript })
    };
    told.iter().enumerate().filter_map(walker).collect()
}

/// As long a tree as there is room for, and its size.
fn tree(play: &PlaySummary, walkers: &[Walker<'_>], room: usize) -> Option<(Segment, usize)> {
    let walkers: Vec<&Walker<'_>> = walkers.iter().collect();
    let (mut most, fewest) = DECISIONS;
    while most >= fewest {
        let paths = Paths { play, most };
        let tree = paths.tree(&walkers);
        let size = paths.size(&tree);
        if size <= room {
            return Some((tree, size));
        }
        most /= 2;
    }
    None
}

fn result(walker: &Walker<'_>) -> GameResult {
    let points = walker.transcript.points;
    let sign = if points < 0 { "−" } else { "" };
    GameResult {
        who: walker.number,
        name: walker.name.clone(),
        class: walker.class.clone(),
        points: format!("{sign}{}", grouped(points.unsigned_abs())),
        decisions: walker.transcript.moves.len(),
    }
}
