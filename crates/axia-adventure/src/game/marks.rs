//! Annotations of a game of one's own: `annotations.toml`.

use super::folder::{Game, Manifest, Origin};
use crate::annotation::{Annotation, MORALITY, VariableVotes, read_annotations};
use crate::error::{LoadError, nearest};
use crate::files::{json, read, toml};
use crate::limits::Limits;
use crate::metrics::{Coefficients, Thresholds};
use crate::nodes::NodeIndex;
use crate::program::Program;
use crate::source::Source;
use axia_values::taxonomy::RefinedValue;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

/// Values that an option expresses (positive) or goes against (negative), and how clearly.
pub type ValueWeights = BTreeMap<RefinedValue, i8>;

/// How clearly an option can express a value.
pub const WEIGHT_RANGE: RangeInclusive<i8> = -2..=2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format_version: u32,
    #[serde(default)]
    marks: BTreeMap<String, Mark>,
    #[serde(default)]
    variables: VariableVotes,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Mark {
    #[serde(rename = "self")]
    own: BTreeMap<String, f64>,
    others: BTreeMap<String, f64>,
    watts: f64,
    dollars: f64,
    influence: BTreeMap<String, f64>,
    morality: BTreeMap<String, f64>,
    values: BTreeMap<String, i8>,
}

/// Annotations by mark.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) annotations: HashMap<String, Annotation>,
    pub(super) values: HashMap<String, ValueWeights>,
    pub(super) votes: VariableVotes,
}

impl Marks {
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, LoadError> {
        let file: File = toml(path, text)?;
        let wrong = |message: String| LoadError::Format { path: path.into(), message };
        if file.format_version != 1 {
            return Err(wrong(format!(
                "format_version is {}, but this program reads version 1",
                file.format_version
            )));
        }
        let mut marks = Self { votes: file.variables, ..Self::default() };
        for (id, mark) in file.marks {
            let at = |message: String| wrong(format!("[marks.{id}] {message}"));
            marks.annotations.insert(id.clone(), mark.annotation().map_err(at)?);
            let values = mark.weights().map_err(at)?;
            if !values.is_empty() {
                marks.values.insert(id, values);
            }
        }
        Ok(marks)
    }
}

impl Mark {
    fn annotation(&self) -> Result<Annotation, String> {
        let mut annotation = Annotation::default();
        let levels = |level: i64| (-3..=3).contains(&level);
        for (name, group, start) in [("self", &self.own, 3), ("others", &self.others, 10)] {
            for (level, x) in group {
                let field =
                    level.parse::<i64>().ok().filter(|level| levels(*level)).ok_or_else(|| {
                        format!("{name}: `{level}` is not one of the levels \"-3\" … \"3\"")
                    })?;
                annotation.set((start + field) as usize, amount(name, *x)?, true);
            }
        }
        annotation.set(14, amount("watts", self.watts)?, true);
        if !self.dollars.is_finite() {
            return Err("dollars: not a number".into());
        }
        annotation.set(15, self.dollars, true);
        for (strength, x) in &self.influence {
            let field = strength.parse::<usize>().ok().filter(|s| *s < 3).ok_or_else(|| {
                format!("influence: `{strength}` is not one of \"0\", \"1\", \"2\"")
            })?;
            annotation.set(16 + field, amount("influence", *x)?, true);
        }
        for (kind, x) in &self.morality {
            let field = MORALITY.iter().position(|known| known == kind).ok_or_else(|| {
                let hint = nearest(kind, MORALITY).map(|n| format!("; did you mean `{n}`?"));
                format!("morality: there is no kind `{kind}`{}", hint.unwrap_or_default())
            })?;
            if !(0.0..=1.0).contains(x) {
                return Err(format!("morality: `{kind}` is {x}, but lies between 0 and 1"));
            }
            annotation.set(19 + field, *x, true);
        }
        Ok(annotation)
    }

    fn weights(&self) -> Result<ValueWeights, String> {
        let weight = |(slug, weight): (&String, &i8)| {
            let value: RefinedValue = slug.parse().map_err(|error| format!("values: {error}"))?;
            if !WEIGHT_RANGE.contains(weight) {
                return Err(format!("values: `{slug}` is {weight}, but lies between -2 and 2"));
            }
            Ok((value, *weight))
        };
        self.values.iter().map(weight).collect()
    }
}

/// A number that is not negative.
fn amount(field: &str, x: f64) -> Result<f64, String> {
    if x.is_finite() && x >= 0.0 { Ok(x) } else { Err(format!("{field}: {x} is not 0 or more")) }
}

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
