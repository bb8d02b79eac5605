//! Games of one's own: a folder of scenes, `game.toml` and `annotations.toml`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::manifest::Manifest;
use super::marks::Marks;
use super::shared::{Game, Origin};
use crate::error::LoadError;
use crate::files::{read, toml};
use crate::limits::Limits;
use crate::metrics::Thresholds;
use crate::nodes::NodeIndex;
use crate::program::Program;
use crate::source::read_texts;

impl Game {
    /// Loads a game from a folder.
    ///
    /// # Errors
    /// If a file is missing or is not what it should be, or the game fails before its first choice.
    /// Mistakes further on are found by [`crate::check`].
    pub fn read_folder(folder: &Path, limits: Limits) -> Result<Self, LoadError> {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or("game");
        Self::from_files(name, folder, &Self::folder_files(folder)?, limits)
    }

    /// The texts of a game folder's files by name: all that belongs to the game.
    ///
    /// # Errors
    /// If a file is missing or cannot be read.
    pub fn folder_files(folder: &Path) -> Result<BTreeMap<String, String>, LoadError> {
        let mut files = BTreeMap::new();
        for file in ["game.toml", "annotations.toml"] {
            files.insert(file.to_owned(), read(&folder.join(file))?);
        }
        let entries = std::fs::read_dir(folder)
            .map_err(|source| LoadError::Read { path: folder.into(), source })?;
        for entry in entries {
            let path =
                entry.map_err(|source| LoadError::Read { path: folder.into(), source })?.path();
            let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if file.ends_with(".txt") {
                files.insert(file.to_owned(), read(&path)?);
            }
        }
        Ok(files)
    }

    /// Loads a game from its files' texts by name, for games that are part of a program. `folder`
    /// is named in errors.
    ///
    /// # Errors
    /// Like [`Game::read_folder`].
    pub fn from_files(
        name: &str,
        folder: &Path,
        files: &BTreeMap<String, String>,
        limits: Limits,
    ) -> Result<Self, LoadError> {
        let file = |name: &str| {
            let path = folder.join(name);
            let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
            match files.get(name) {
                Some(text) => Ok((path, text)),
                None => Err(LoadError::Read { path, source: missing }),
            }
        };
        let (path, text) = file("game.toml")?;
        let manifest: Manifest = toml(&path, text)?;
        if manifest.format_version != 1 {
            let message = format!(
                "format_version is {}, but this program reads version 1",
                manifest.format_version
            );
            return Err(LoadError::Format { path, message });
        }
        let (path, text) = file("annotations.toml")?;
        let mut marks = Marks::parse(&path, text)?;
        let scenes = files
            .iter()
            .filter_map(|(name, text)| Some((name.strip_suffix(".txt")?.to_owned(), text.clone())));
        let source = read_texts(&scenes.collect())?;
        let program = Arc::new(Program::compile(source, limits));
        let nodes = Arc::new(NodeIndex::of_marks(&program));
        let annotations =
            nodes.names().iter().map(|id| marks.annotations.remove(&**id).map(Arc::new)).collect();
        let values =
            nodes.names().iter().map(|id| marks.values.remove(&**id).map(Arc::new)).collect();
        let mut unplaced: Vec<String> = marks.annotations.into_keys().collect();
        unplaced.sort();
        let mut game = Self {
            name: name.into(),
            origin: Origin::Folder,
            manifest,
            program,
            nodes,
            annotations,
            values,
            votes: marks.votes,
            thresholds: Thresholds::default(),
            achievements: Vec::new(),
            max_points: 0,
            coefficients: None,
            unplaced,
        };
        game.find_achievements()?;
        Ok(game)
    }
}
