//! All games of the benchmark's data.

use std::collections::BTreeSet;
use std::path::Path;

use axia_adventure::game::Game;
use rayon::prelude::*;

use super::file::FileReport;
use super::game::verify_game;
use super::report::{State, VerifyReport};
use super::shared::Shared;
use crate::files::sha256;
use crate::games::benchmark::check_layout;
use crate::games::find::nearest;
use crate::games::{BENCHMARK_GAMES, GamesError, TEST_GAMES};

/// Verifies the benchmark's data in a folder `game_data`: the games called `only`, or, if none is
/// named, all that have scenes there, all that `game_metadata.json` describes, and those whose
/// results are published.
///
/// `goes_on` is told how many games there are before each of them; `None` is the result once it
/// says no.
///
/// # Errors
/// If the folder does not have the layout of the benchmark's data, or has never heard of a game.
pub fn verify(
    data: &Path,
    only: &[String],
    goes_on: &(dyn Fn(usize) -> bool + Sync),
) -> Result<Option<VerifyReport>, GamesError> {
    check_layout(data)?;
    let shared = Shared::read(data);
    let names = expected(data, &shared, only)?;
    let verified: Option<Vec<_>> = names
        .par_iter()
        .map(|name| goes_on(names.len()).then(|| verify_game(data, name, &shared)))
        .collect();
    let Some(verified) = verified else { return Ok(None) };
    let (games, problems): (Vec<_>, Vec<_>) = verified.into_iter().unzip();
    let mut problems: Vec<_> =
        shared.problems.into_iter().chain(problems.into_iter().flatten()).collect();
    problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
    let there = || games.iter().filter(|game| game.state != State::Missing);
    let mut report = VerifyReport {
        format_version: 1,
        folder: data.to_owned(),
        present: there().count(),
        benchmark_games: BENCHMARK_GAMES,
        test_games_present: there().filter(|game| game.test_game).count(),
        test_games: TEST_GAMES.len(),
        shared_files: shared.files,
        sha256: String::new(),
        problems,
        games,
    };
    report.sha256 = hash(report.files());
    Ok(Some(report))
}

/// The names of the games to look for.
fn expected(data: &Path, shared: &Shared, only: &[String]) -> Result<BTreeSet<String>, GamesError> {
    let described = shared.metadata.iter().flat_map(|games| games.keys().cloned());
    let known: BTreeSet<String> = Game::list_benchmark(data)?
        .into_iter()
        .chain(described)
        .chain(TEST_GAMES.iter().map(|name| (*name).to_owned()))
        .collect();
    if let Some(name) = only.iter().find(|name| !known.contains(*name)) {
        return Err(GamesError::Unknown {
            name: name.clone(),
            place: format!("in `{}`", data.display()),
            nearest: nearest(name, known.iter().map(String::as_str)),
            there: known.into_iter().collect(),
        });
    }
    Ok(if only.is_empty() { known } else { only.iter().cloned().collect() })
}

/// One hash of all files.
fn hash<'a>(files: impl Iterator<Item = &'a FileReport>) -> String {
    let mut files: Vec<&FileReport> = files.collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let lines: String =
        files.iter().map(|file| format!("{}  {}\n", file.sha256, file.path)).collect();
    sha256(lines.as_bytes())
}
