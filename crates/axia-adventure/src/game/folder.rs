//! Games of one's own: a folder of scenes, `game.toml` and `annotations.toml`.

use super::marks::{Marks, ValueWeights};
use crate::annotation::{Annotation, VariableVotes};
use crate::error::{LoadError, PlayError};
use crate::files::{read, toml};
use crate::limits::Limits;
use crate::metrics::{Coefficients, Thresholds};
use crate::nodes::NodeIndex;
use crate::player::Player;
use crate::program::{Achievement, Program};
use crate::source::read_texts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

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

/// Title, summary and the player's part: `game.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the file's form; 1.
    pub format_version: u32,
    /// The title.
    pub title: String,
    /// Who wrote it.
    #[serde(default)]
    pub author: String,
    /// One sentence.
    #[serde(default)]
    pub short_summary: String,
    /// A few sentences that a player reads before the game.
    #[serde(default)]
    pub summary: String,
    /// Who the player is: completes "You are …".
    #[serde(default)]
    pub player_character: String,
    /// What the player is asked to strive for.
    #[serde(default)]
    pub goal: String,
    /// The licence of text and annotations.
    #[serde(default)]
    pub license: String,
}

/// Where a game comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The benchmark's `game_data/`: annotations belong to nodes of its tree, quirks included.
    Benchmark,
    /// A folder of scenes: annotations belong to marks in the text.
    Folder,
}

/// A game: its program, its annotations and what players are told. Games in progress share it.
#[derive(Debug)]
pub struct Game {
    /// Name of the game's file or folder.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What players are told.
    pub manifest: Manifest,
    /// Its scenes, parsed.
    pub program: Arc<Program>,
    /// The nodes or marks of its lines.
    pub nodes: Arc<NodeIndex>,
    /// Annotations by node.
    pub annotations: Vec<Option<Arc<Annotation>>>,
    /// Value weights by node: those of marks that begin an option's body.
    pub values: Vec<Option<Arc<ValueWeights>>>,
    /// Which variables stand for what.
    pub votes: VariableVotes,
    /// From which value on an annotation counts.
    pub thresholds: Thresholds,
    /// The achievements that count: those declared before the first choice.
    pub achievements: Vec<Arc<Achievement>>,
    /// The points of all of them.
    pub max_points: i64,
    /// Random play's means as published with the game, if any.
    pub coefficients: Option<Coefficients>,
    /// Annotations of marks that stand in no scene.
    pub unplaced: Vec<String>,
}

impl Game {
    /// Plays to the first choice to find the achievements that count.
    pub(super) fn find_achievements(&mut self) -> Result<(), PlayError> {
        let mut player = Player::new(self.program.clone(), self.nodes.clone());
        player.reset(0)?;
        self.achievements = player.achievements().to_vec();
        self.max_points = self.achievements.iter().map(|achievement| achievement.points).sum();
        Ok(())
    }

    /// The achievement of an id, if it counts.
    pub fn achievement(&self, id: &str) -> Option<&Achievement> {
        self.achievements.iter().find(|achievement| &*achievement.id == id).map(|found| &**found)
    }

    /// The annotation of a node.
    pub fn annotation(&self, node: u32) -> Option<&Annotation> {
        self.annotations.get(node as usize)?.as_deref()
    }

    /// The value weights of a node.
    pub fn value_weights(&self, node: u32) -> Option<&ValueWeights> {
        self.values.get(node as usize)?.as_deref()
    }
}
