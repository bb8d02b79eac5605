//! The whole check.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::finding::{Finding, Rule, Severity};
use super::lines::check_lines;
use super::style::check_marks;
use super::walk::{Branching, Walk, walk};
use crate::game::Game;
use crate::program::{Entry, Operation, Scene};

/// How much a check plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckOptions {
    /// Random games, and as many that look for what was not seen yet.
    pub games: usize,
    /// Steps after which a game counts as endless.
    pub max_steps: usize,
    /// States from which every option is tried.
    pub max_states: usize,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self { games: 500, max_steps: 1000, max_states: 5_000 }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Name of the game.
    pub game: String,
    /// Findings, worst first.
    pub findings: Vec<Finding>,
    /// How the game branches.
    pub branching: Branching,
    /// Marks or nodes in the game's text, and how many of them are annotated.
    pub annotated: (usize, usize),
}

impl Report {
    /// How many findings are this bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// Checks a game: its lines, its marks, and where it goes when it is played.
pub fn check(game: &Arc<Game>, options: &CheckOptions) -> Report {
    let mut findings = check_lines(game);
    findings.extend(check_marks(game));
    let walked = walk(game, options)
        .unwrap_or_else(|error| Walk { failures: vec![error], ..Walk::default() });
    findings.extend(walked.failures.iter().map(|error| Finding {
        severity: Severity::Error,
        rule: Rule::Failure,
        scene: Some(error.place.scene.clone()),
        row: error.place.row,
        column: error.place.column,
        message: format!("{} ({})", error.fault.message, error.fault.kind.exception()),
    }));
    for (scene, line) in &walked.endless {
        let found = game.program.scenes.iter().find(|s| *s.name == **scene);
        if let Some(line) = found.and_then(|scene| scene.lines.get(*line)) {
            let message = format!("a game did not end within {} steps", options.max_steps);
            findings.push(Finding::at(Severity::Error, Rule::Endless, scene, line, message));
        }
    }
    for achievement in &game.achievements {
        if !walked.unlocked.contains(&achievement.id) {
            findings.push(Finding::whole(
                Severity::Warning,
                Rule::AchievementNotReached,
                format!("the achievement `{}` was never unlocked", achievement.id),
            ));
        }
    }
    for (scene, reached) in game.program.scenes.iter().zip(&walked.reached) {
        coverage(scene, reached, &mut findings);
    }
    findings.sort_by(|a, b| {
        (b.severity, &a.scene, a.row, a.rule).cmp(&(a.severity, &b.scene, b.row, b.rule))
    });
    findings.dedup();
    let nodes = game.nodes.names().len();
    let annotated = game.annotations.iter().flatten().count();
    Report {
        game: game.name.clone(),
        findings,
        branching: walked.branching,
        annotated: (nodes, annotated),
    }
}

/// Scenes, labels and lines that no game came to.
fn coverage(scene: &Scene, reached: &[bool], findings: &mut Vec<Finding>) {
    let was = |at: usize| reached.get(at).copied().unwrap_or(false);
    if !reached.contains(&true) {
        if let Some(line) = scene.lines.first() {
            let message = "no game entered the scene";
            findings.push(Finding::at(
                Severity::Warning,
                Rule::SceneNotReached,
                &scene.name,
                line,
                message,
            ));
        }
        return;
    }
    let passive = passive_lines(scene);
    let mut previous = true;
    for (at, line) in scene.lines.iter().enumerate() {
        // The lines appended to each scene have no place in a file.
        if passive.contains(&at) || at + 2 >= scene.lines.len() {
            continue;
        }
        let here = was(at);
        if line.text.starts_with("*label") {
            // A jump goes on behind its label.
            if !here && !was(at + 1) {
                let message = format!("no game passed `{}`", line.text);
                let rule = Rule::LabelNotReached;
                findings.push(Finding::at(Severity::Warning, rule, &scene.name, line, message));
            }
            continue;
        }
        if !here && previous {
            let message = "no game came to this line";
            let rule = Rule::LineNotReached;
            findings.push(Finding::at(Severity::Note, rule, &scene.name, line, message));
        }
        previous = here;
    }
}

/// Lines that belong to another one and are not played by themselves.
fn passive_lines(scene: &Scene) -> BTreeSet<usize> {
    let mut passive = BTreeSet::new();
    for (at, operation) in scene.operations.iter().enumerate() {
        match operation {
            Operation::Declare(_, end) => passive.extend(at + 1..*end as usize),
            Operation::Skip(last) => passive.extend(at + 1..=*last as usize),
            Operation::Branch(branch) => {
                passive.extend(branch.clauses.iter().skip(1).map(|(_, body)| *body as usize - 1));
            }
            Operation::Choose(choice) => option_lines(&choice.entries, &mut passive),
            Operation::RandomScene(scenes) => passive.extend(at + 1..=at + scenes.len()),
            _ => {}
        }
    }
    passive
}

fn option_lines(entries: &[Entry], passive: &mut BTreeSet<usize>) {
    for entry in entries {
        match entry {
            Entry::Option(option) => {
                passive.insert(option.line as usize);
            }
            Entry::Group(_, entries) => {
                if let Some(Entry::Option(first)) = entries.first() {
                    passive.insert((first.line as usize).saturating_sub(1));
                }
                option_lines(entries, passive);
            }
        }
    }
}
