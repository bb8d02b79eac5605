//! Why games are not found.

use std::path::PathBuf;

use axia_adventure::error::LoadError;
use thiserror::Error;

/// Names that an error lists.
const LISTED: usize = 12;

/// Why games are not found, or cannot be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GamesError {
    /// A path is no folder that can be read.
    #[error("`{path}` is no folder that can be read")]
    NoFolder {
        /// The path.
        path: PathBuf,
    },
    /// A folder holds no game of one's own.
    #[error(
        "`{path}` holds no game: there is no game.toml in it or in a folder below it \
         (for the benchmark's data use --game-data)"
    )]
    NoGame {
        /// The folder.
        path: PathBuf,
    },
    /// No game has this name.
    #[error("there is no game `{name}` {place}{}", listed(nearest, there))]
    Unknown {
        /// The name asked for.
        name: String,
        /// Where it was searched.
        place: String,
        /// The nearest names there are, best first.
        nearest: Vec<String>,
        /// All names there are.
        there: Vec<String>,
    },
    /// No game of the benchmark was named.
    #[error("name a game of `{path}` with --game{}", listed(&[], there))]
    Unnamed {
        /// The folder.
        path: PathBuf,
        /// The names there are.
        there: Vec<String>,
    },
    /// The benchmark's data are in another folder.
    #[error("`{path}` has no folder `source`, but `{found}` has one: name that folder")]
    Elsewhere {
        /// The folder named.
        path: PathBuf,
        /// The folder meant.
        found: PathBuf,
    },
    /// The benchmark's data are still packed.
    #[error("the benchmark's data are packed: unpack `{path}` and name the folder `game_data`")]
    Packed {
        /// The archive.
        path: PathBuf,
    },
    /// A folder is not the benchmark's.
    #[error(
        "`{path}` has no folder `source`: the benchmark's `game_data` has the folders source, \
         trees and annotations_clean"
    )]
    NoGameData {
        /// The folder.
        path: PathBuf,
    },
    /// A game cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
}

fn listed(nearest: &[String], there: &[String]) -> String {
    let quoted = |names: &[String]| {
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        quoted.join(", ")
    };
    match (nearest, there) {
        ([], []) => "; it holds no games".to_owned(),
        ([], all) if all.len() <= LISTED => format!("; there are {}", quoted(all)),
        ([], all) => {
            let first = all.get(..LISTED).unwrap_or_default();
            format!("; there are {} and {} more", quoted(first), all.len() - LISTED)
        }
        ([one], _) => format!("; did you mean `{one}`?"),
        (some, _) => format!("; did you mean one of {}?", quoted(some)),
    }
}
