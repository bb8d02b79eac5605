//! What a verification finds.

use super::file::{FileReport, Shared};
use super::game::verify_game;
use crate::files::sha256;
use crate::games::bundled::check_layout;
use crate::games::find::nearest;
use crate::games::{BENCHMARK_GAMES, GamesError, TEST_GAMES};
use axia_adventure::game::Game;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something is missing that play can do without.
    Warning,
    /// A game cannot be played, or its harms not be counted.
    Error,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The game, if it is about one.
    pub game: Option<String>,
    /// The file, as a path in `game_data`.
    pub file: String,
    /// What was found, and what to do.
    pub message: String,
}

impl Problem {
    pub(super) fn error(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, game: None, file: file.into(), message: message.into() }
    }

    pub(super) fn warning(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(file, message) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}: {}: ", self.file)?;
        if let Some(game) = self.game.as_ref().filter(|game| !self.file.contains(game.as_str())) {
            write!(f, "{game}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// How much of a game is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Everything.
    Complete,
    /// It can be played and counted, but something is missing.
    Incomplete,
    /// It has an error.
    Broken,
    /// None of its files.
    Missing,
}

impl State {
    /// Its name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Broken => "broken",
            Self::Missing => "missing",
        }
    }
}

/// How much of a game is annotated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Annotated {
    /// Annotated scenes in the file.
    pub in_file: usize,
    /// Nodes that lines of the game report: those that can occur in play.
    pub nodes: usize,
    /// How many of these are annotated.
    pub annotated_nodes: usize,
}

/// What is there of one game. A count is missing where its file is, or is not readable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GameReport {
    /// Its name.
    pub name: String,
    /// Whether it is one of the games whose results are published.
    pub test_game: bool,
    /// How much of it is there.
    pub state: State,
    /// Scenes of its source.
    pub scenes: Option<usize>,
    /// Lines of its source that are not blank.
    pub lines: Option<usize>,
    /// Nodes of its tree.
    pub tree_nodes: Option<usize>,
    /// Whether `game_metadata.json` describes it.
    pub metadata: bool,
    /// Achievements that count.
    pub achievements: Option<usize>,
    /// Points of all of them.
    pub max_points: Option<i64>,
    /// How much of it is annotated.
    pub annotated: Option<Annotated>,
    /// Random games behind its normalization coefficients.
    pub random_games: Option<u64>,
    /// Variables that stand for power, morality and so on.
    pub variables: Option<usize>,
    /// Steps of a random game from seed 2417, played to try it.
    pub trial_steps: Option<usize>,
    /// Its files.
    pub files: Vec<FileReport>,
}

/// What is there of the benchmark's data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerifyReport {
    /// Version of this form; 1.
    pub format_version: u32,
    /// The folder.
    pub folder: PathBuf,
    /// Games that have any file.
    pub present: usize,
    /// Games that the benchmark has.
    pub benchmark_games: usize,
    /// How many of the games present have published results.
    pub test_games_present: usize,
    /// Games that have published results.
    pub test_games: usize,
    /// All games that were looked for, by name.
    pub games: Vec<GameReport>,
    /// The files that the games share.
    pub shared_files: Vec<FileReport>,
    /// SHA-256 of the lines `sha256  path` of all files, sorted by path.
    pub sha256: String,
    /// What is wrong, errors first.
    pub problems: Vec<Problem>,
}

impl VerifyReport {
    /// The games in a state.
    pub fn in_state(&self, state: State) -> impl Iterator<Item = &GameReport> {
        self.games.iter().filter(move |game| game.state == state)
    }

    /// All files that were read.
    pub fn files(&self) -> impl Iterator<Item = &FileReport> {
        self.shared_files.iter().chain(self.games.iter().flat_map(|game| &game.files))
    }

    /// How many problems are this bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }
}

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
