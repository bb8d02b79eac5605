//! Where a game is.

use super::bundled::{bundled, bundled_files};
use super::error::GamesError;
use crate::files::sha256;
use axia_adventure::error::LoadError;
use axia_adventure::game::Game;
use axia_adventure::limits::Limits;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a game is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In the program.
    Bundled(&'static str),
    /// In a folder of its own.
    Folder(PathBuf),
    /// In the benchmark's data.
    Benchmark {
        /// The folder `game_data`.
        data: PathBuf,
        /// The game's name.
        name: String,
    },
}

/// A game, and what it consists of.
#[derive(Debug, Clone)]
pub struct LoadedGame {
    /// The game.
    pub game: Arc<Game>,
    /// [`content_hash`] of its files: for a game of the benchmark its scenes, tree and annotations,
    /// but not the files that it shares with the others.
    pub hash: String,
}

impl Location {
    /// The game's name.
    pub fn name(&self) -> String {
        match self {
            Self::Bundled(name) => (*name).to_owned(),
            Self::Folder(path) => {
                let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
                // `.` and `..` have no name of their own.
                let name = path.file_name().or_else(|| whole.file_name());
                name.map_or_else(|| "game".to_owned(), |name| name.to_string_lossy().into_owned())
            }
            Self::Benchmark { name, .. } => name.clone(),
        }
    }

    /// Loads the game.
    ///
    /// # Errors
    /// If a file is missing or is not what it should be, or the game fails before its first choice.
    pub fn load(&self) -> Result<LoadedGame, GamesError> {
        let limits = Limits::default();
        let (game, files) = match self {
            Self::Bundled(name) => (bundled(name)?, bundled_files(name)),
            Self::Folder(path) => {
                let files = Game::folder_files(path)?;
                (Arc::new(Game::from_files(&self.name(), path, &files, limits)?), files)
            }
            Self::Benchmark { data, name } => {
                let game = Game::read_benchmark(data, name, limits)?;
                (Arc::new(game), benchmark_files(data, name)?)
            }
        };
        Ok(LoadedGame { game, hash: content_hash(&files) })
    }
}

/// The files that belong to one game of the benchmark alone, by their paths in `game_data`.
fn benchmark_files(
    data: &std::path::Path,
    name: &str,
) -> Result<BTreeMap<String, String>, LoadError> {
    let mut files = BTreeMap::new();
    for file in own_files(name) {
        let path = data.join(&file);
        if path.is_file() {
            let text =
                fs::read_to_string(&path).map_err(|source| LoadError::Read { path, source })?;
            files.insert(file, text);
        }
    }
    Ok(files)
}

/// Scenes, tree and annotations of a game of the benchmark, as paths in `game_data`.
pub(super) fn own_files(name: &str) -> [String; 3] {
    [
        format!("source/{name}.json"),
        format!("trees/{name}_game_tree.json"),
        format!("annotations_clean/{name}.json"),
    ]
}

/// A hash of a game's files, whatever order they were read in: the SHA-256 of what
/// `sha256sum FILES…` prints for them, sorted by name.
pub fn content_hash(files: &BTreeMap<String, String>) -> String {
    let lines: String =
        files.iter().map(|(name, text)| format!("{}  {name}\n", sha256(text.as_bytes()))).collect();
    sha256(lines.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundled_game_is_its_folder() {
        let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/games");
        let inside = Location::Bundled("the-weir").load().unwrap();
        let outside = Location::Folder(data.join("the-weir")).load().unwrap();
        assert_eq!(inside.hash, outside.hash);
        assert_eq!(inside.game.name, outside.game.name);
        let dots = Location::Folder(data.join("the-weir").join("..").join("..").join(".."));
        assert_eq!(
            dots.name(),
            data.join("../..").canonicalize().unwrap().file_name().unwrap().to_string_lossy()
        );
        assert_ne!(inside.hash, Location::Bundled("cold-harbour").load().unwrap().hash);
    }

    fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect()
    }

    #[test]
    fn names_and_texts_count() {
        let one = content_hash(&files(&[("a.txt", "x"), ("b.txt", "y")]));
        assert_eq!(one.len(), 64);
        assert_eq!(one, content_hash(&files(&[("b.txt", "y"), ("a.txt", "x")])));
        for other in [&[("a.txt", "y"), ("b.txt", "x")][..], &[("a.txt", "xy")], &[]] {
            assert_ne!(one, content_hash(&files(other)));
        }
    }
}
