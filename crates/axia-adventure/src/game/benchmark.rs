//! Games of the benchmark, from its `game_data/` folder as it stands.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::folder::Manifest;
use super::folder::{Game, Origin};
use crate::annotation::read_annotations;
use crate::error::{LoadError, nearest};
use crate::files::{json, read};
use crate::limits::Limits;
use crate::metrics::{Coefficients, Thresholds};
use crate::nodes::NodeIndex;
use crate::program::Program;
use crate::source::Source;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: String,
    summary: String,
    short_summary: String,
    player_character: String,
}

impl Game {
    /// The names of all games in the benchmark's `game_data/` folder.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn list_benchmark(data: &Path) -> Result<Vec<String>, LoadError> {
        games(data)
    }

    /// Loads a game from the benchmark's `game_data/` folder.
    ///
    /// Its source, tree and metadata must be there. Annotations and random play's means may be
    /// missing, as they are for some games: then nothing counts, or there are no scores.
    ///
    /// # Errors
    /// If a file is missing or is not what it should be, or the game fails before its first choice.
    pub fn read_benchmark(data: &Path, name: &str, limits: Limits) -> Result<Self, LoadError> {
        let source_path = data.join("source").join(format!("{name}.json"));
        if !source_path.is_file() {
            let games = games(data)?;
            let hint = nearest(name, games.iter().map(String::as_str));
            return Err(LoadError::UnknownGame {
                path: data.join("source"),
                name: name.into(),
                hint,
            });
        }
        let source = Source::read_recorded(&source_path)?;
        let author = source.author.clone();
        let program = Arc::new(Program::compile(source, limits));
        let tree = data.join("trees").join(format!("{name}_game_tree.json"));
        let nodes = Arc::new(NodeIndex::read_tree(&tree, &program)?);
        let annotations = data.join("annotations_clean").join(format!("{name}.json"));
        let mut by_name = if annotations.is_file() {
            read_annotations(&annotations)?
        } else {
            Default::default()
        };
        let annotations =
            nodes.names().iter().map(|node| by_name.remove(&**node).map(Arc::new)).collect();
        let mut game = Self {
            name: name.into(),
            origin: Origin::Benchmark,
            manifest: manifest(data, name, author)?,
            program,
            nodes,
            annotations,
            values: Vec::new(),
            votes: entry(&data.join("annotations_clean").join("variables.json"), name)?,
            thresholds: Thresholds::default(),
            achievements: Vec::new(),
            max_points: 0,
            coefficients: coefficients(data, name)?,
            unplaced: Vec::new(),
        };
        game.find_achievements()?;
        Ok(game)
    }
}

/// The names of all games in a `game_data/` folder.
fn games(data: &Path) -> Result<Vec<String>, LoadError> {
    let folder = data.join("source");
    let entries = std::fs::read_dir(&folder)
        .map_err(|source| LoadError::Read { path: folder.clone(), source })?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".json").map(Into::into))
        // Archives made on a Mac hold a file `._name` beside each file.
        .filter(|name: &String| !name.starts_with('.'))
        .collect();
    names.sort();
    Ok(names)
}

/// One game's entry of a file of all games; the default where the file or entry is missing.
fn entry<T: Default + serde::de::DeserializeOwned>(
    path: &Path,
    name: &str,
) -> Result<T, LoadError> {
    if !path.is_file() {
        return Ok(T::default());
    }
    let mut games: BTreeMap<String, Value> = json(path, &read(path)?)?;
    let Some(value) = games.remove(name) else { return Ok(T::default()) };
    serde_json::from_value(value).map_err(|error| LoadError::Format {
        path: path.into(),
        message: format!("game `{name}`: {error}"),
    })
}

fn manifest(data: &Path, name: &str, author: String) -> Result<Manifest, LoadError> {
    let path = data.join("game_metadata.json");
    let games: BTreeMap<String, Value> = json(&path, &read(&path)?)?;
    if !games.contains_key(name) {
        let hint = nearest(name, games.keys().map(String::as_str));
        return Err(LoadError::UnknownGame { path, name: name.into(), hint });
    }
    let found: Metadata = entry(&path, name)?;
    Ok(Manifest {
        format_version: 1,
        title: found.name,
        author,
        short_summary: found.short_summary,
        summary: found.summary,
        player_character: found.player_character,
        goal: String::new(),
        license: String::new(),
    })
}

fn coefficients(data: &Path, name: &str) -> Result<Option<Coefficients>, LoadError> {
    let path = data.join("normalization_coeffs.json");
    if path.is_file() { Coefficients::read(&path, name) } else { Ok(None) }
}
