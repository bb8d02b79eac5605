//! One game of the benchmark's data.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axia_adventure::annotation::{VariableVotes, read_annotations};
use axia_adventure::environment::{Environment, RandomPolicy, play_run};
use axia_adventure::error::LoadError;
use axia_adventure::game::Game;
use axia_adventure::limits::Limits;
use axia_adventure::metrics::{Coefficients, Metric};
use axia_adventure::source::Source;
use serde::Deserialize;
use serde_json::Value as Json;

use super::file::{COEFFICIENTS, METADATA, Shared, VARIABLES};
use super::file::{FileRead, malformed};
use super::report::{Annotated, GameReport, Problem, Severity, State};
use crate::games::TEST_GAMES;
use crate::games::location::own_files;

/// The seed of a trial, the benchmark's first.
const TRIAL_SEED: u64 = 2417;
const TRIAL_STEPS: usize = 1000;

#[derive(Deserialize)]
struct Node {
    scene: String,
    lines: Vec<usize>,
}

/// A game under verification.
struct Verification<'a> {
    data: &'a Path,
    shared: &'a Shared,
    report: GameReport,
    problems: Vec<Problem>,
}

/// Verifies one game.
pub(super) fn verify_game(data: &Path, name: &str, shared: &Shared) -> (GameReport, Vec<Problem>) {
    let report = GameReport {
        name: name.to_owned(),
        test_game: TEST_GAMES.contains(&name),
        state: State::Complete,
        scenes: None,
        lines: None,
        tree_nodes: None,
        metadata: false,
        achievements: None,
        max_points: None,
        annotated: None,
        random_games: None,
        variables: None,
        trial_steps: None,
        files: Vec::new(),
    };
    let mut verification = Verification { data, shared, report, problems: Vec::new() };
    verification.run(name);
    let Verification { mut report, mut problems, .. } = verification;
    report.state = state(&report, &problems);
    for problem in &mut problems {
        problem.game = Some(name.to_owned());
    }
    (report, problems)
}

fn state(report: &GameReport, problems: &[Problem]) -> State {
    let whole = report.random_games.is_some() && report.variables.is_some();
    match report.files.is_empty() {
        true => State::Missing,
        // A file of descriptions that is missing or unreadable is a problem of all games.
        _ if !report.metadata => State::Broken,
        _ if problems.iter().any(|problem| problem.severity == Severity::Error) => State::Broken,
        _ if whole => State::Complete,
        _ => State::Incomplete,
    }
}

impl Verification<'_> {
    fn run(&mut self, name: &str) {
        let files = own_files(name);
        let [source_path, tree_path, annotations_path] = &files;
        let [source, tree, annotations] = files.each_ref().map(|path| self.text(path));
        if self.report.files.is_empty() && self.problems.is_empty() {
            self.missing(source_path);
            return;
        }
        for (path, missing) in [
            (source_path, "the game cannot be played without its scenes"),
            (tree_path, "the game cannot be played without its tree"),
            (annotations_path, "nothing counts in the game without its annotations"),
        ] {
            if !self.data.join(path).exists() {
                let message = format!("the file is missing: {missing}; unpack the data whole");
                self.problems.push(Problem::error(path, message));
            }
        }
        let source = source.and_then(|_| self.source(source_path));
        let tree = tree.and_then(|text| self.tree(tree_path, &text));
        if let (Some(source), Some(tree)) = (&source, &tree) {
            self.same_version(tree_path, source, tree);
        }
        let annotated = annotations.and_then(|_| self.annotations(annotations_path));
        let described = self.metadata(name);
        self.coefficients(name);
        self.variables(name);
        let annotations_hold = annotated.is_some() || !self.data.join(annotations_path).exists();
        if source.is_some() && tree.is_some() && described && annotations_hold {
            self.load(name, source_path, annotated);
        }
    }

    /// The text of one of the game's own files, if it is there and is text.
    fn text(&mut self, path: &str) -> Option<String> {
        match FileRead::new(self.data, path) {
            Ok(Some(read)) => {
                self.report.files.push(read.report);
                read.text.map_err(|problem| self.problems.push(problem)).ok()
            }
            Ok(None) => None,
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    fn missing(&mut self, source: &str) {
        let listed = self.shared.metadata.as_ref();
        let listed = listed.is_some_and(|games| games.contains_key(&self.report.name));
        let why = match (listed, self.report.test_game) {
            (true, _) => format!("{METADATA} describes the game"),
            (false, true) => "it is one of the 30 test games".to_owned(),
            (false, false) => "it was asked for".to_owned(),
        };
        self.report.metadata = listed;
        let message = format!("none of the game's files is there, but {why}");
        self.problems.push(Problem::error(source, message));
    }

    fn source(&mut self, path: &str) -> Option<Source> {
        match Source::read_recorded(&self.data.join(path)) {
            Ok(source) => {
                self.report.scenes = Some(source.scenes.len());
                // The reader adds two lines to each scene.
                let lines = source.scenes.values().map(|lines| lines.len().saturating_sub(2));
                self.report.lines = Some(lines.sum());
                Some(source)
            }
            Err(error) => {
                self.problems.push(unreadable(path, &error));
                None
            }
        }
    }

    fn tree(&mut self, path: &str, text: &str) -> Option<BTreeMap<String, Node>> {
        match serde_json::from_str::<BTreeMap<String, Node>>(text) {
            Ok(tree) => {
                self.report.tree_nodes = Some(tree.len());
                Some(tree)
            }
            Err(error) => {
                self.problems.push(malformed(path, &error.to_string()));
                None
            }
        }
    }

    /// Whether the tree's nodes are lines of the source.
    fn same_version(&mut self, path: &str, source: &Source, tree: &BTreeMap<String, Node>) {
        let is_there = |node: &Node| {
            let lines = source.scenes.get(&node.scene).map_or(0, Vec::len);
            node.lines.iter().all(|line| *line < lines)
        };
        let strange: Vec<&String> =
            tree.iter().filter(|(_, node)| !is_there(node)).map(|(name, _)| name).collect();
        if let Some(first) = strange.first() {
            let message = format!(
                "{} of {} nodes lie on lines that the source has not (the first: `{first}`): use \
                 source and tree of the same version",
                strange.len(),
                tree.len()
            );
            let severity =
                if strange.len() == tree.len() { Severity::Error } else { Severity::Warning };
            self.problems.push(Problem { severity, ..Problem::error(path, message) });
        }
    }

    /// How many scenes are annotated.
    fn annotations(&mut self, path: &str) -> Option<usize> {
        match read_annotations(&self.data.join(path)) {
            Ok(annotations) => Some(annotations.len()),
            Err(error) => {
                self.problems.push(unreadable(path, &error));
                None
            }
        }
    }

    /// Whether the game is described.
    fn metadata(&mut self, name: &str) -> bool {
        let Some(games) = &self.shared.metadata else { return false };
        self.report.metadata = games.contains_key(name);
        if !self.report.metadata {
            let message = format!("there is no entry for `{name}`: use the file of the whole data");
            self.problems.push(Problem::error(METADATA, message));
        }
        self.report.metadata
    }

    fn coefficients(&mut self, name: &str) {
        if !self.shared.coefficients {
            return;
        }
        match Coefficients::read(&self.data.join(COEFFICIENTS), name) {
            Err(error) => self.problems.push(unreadable(COEFFICIENTS, &error)),
            Ok(Some(found)) => {
                self.report.random_games = found.get(Metric::SCORE).map(|score| score.samples);
            }
            Ok(None) => {}
        }
        if self.report.random_games.is_none() {
            let message = format!(
                "there is no random play of `{name}`: its counts are compared with random games \
                 that axia plays"
            );
            self.problems.push(Problem::warning(COEFFICIENTS, message));
        }
    }

    fn variables(&mut self, name: &str) {
        let Some(games) = &self.shared.variables else { return };
        let Some(entry) = games.get(name) else {
            let message = format!("there is no entry for `{name}`: sums over variables are 0");
            self.problems.push(Problem::warning(VARIABLES, message));
            return;
        };
        match serde_json::from_value::<VariableVotes>(entry.clone()) {
            Ok(_) => self.report.variables = Some(leaves(entry)),
            Err(error) => self.problems.push(malformed(VARIABLES, &error.to_string())),
        }
    }

    /// Loads the game whole and plays it once.
    fn load(&mut self, name: &str, source: &str, annotated: Option<usize>) {
        let game = match Game::read_benchmark(self.data, name, Limits::default()) {
            Ok(game) => Arc::new(game),
            Err(error) => {
                self.problems.push(unreadable(source, &error));
                return;
            }
        };
        self.report.achievements = Some(game.achievements.len());
        self.report.max_points = Some(game.max_points);
        if let Some(in_file) = annotated {
            // The name of lines that belong to no node.
            let nodes = game.nodes.names().iter().filter(|node| &***node != "None").count();
            let annotated_nodes = game.annotations.iter().flatten().count();
            self.report.annotated = Some(Annotated { in_file, nodes, annotated_nodes });
            if annotated_nodes == 0 && nodes > 0 {
                let [_, _, path] = own_files(name);
                let message = "none of its scenes occurs in the game: use the file that belongs to \
                               this tree";
                self.problems.push(Problem::error(path, message));
            }
        }
        let played = Environment::new(game).map_err(Into::into).and_then(|mut environment| {
            play_run(&mut environment, &mut RandomPolicy::default(), TRIAL_SEED, TRIAL_STEPS)
        });
        match played {
            Ok(run) => self.report.trial_steps = Some(run.actions.len()),
            Err(error) => {
                let message = format!("a random game from seed {TRIAL_SEED} failed: {error}");
                self.problems.push(Problem::warning(source, message));
            }
        }
    }
}

/// A problem of a file, named as a path in `game_data`.
fn unreadable(path: &str, error: &LoadError) -> Problem {
    match error {
        LoadError::Format { message, .. } => malformed(path, message),
        other => Problem::error(path, other.to_string()),
    }
}

/// How many numbers a JSON value holds.
fn leaves(value: &Json) -> usize {
    match value {
        Json::Object(object) => object.values().map(leaves).sum(),
        Json::Number(_) => 1,
        _ => 0,
    }
}
