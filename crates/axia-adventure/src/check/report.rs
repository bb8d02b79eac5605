//! The whole check.

use super::lines::check_lines;
use super::walk::check_marks;
use super::walk::{Branching, Walk, walk};
use crate::game::Game;
use crate::program::{Entry, Operation, Scene};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

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

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not meant so.
    Warning,
    /// The game can fail, or cannot be measured.
    Error,
}

/// The rule that a finding breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// A line fails whenever it is reached.
    BrokenLine,
    /// An expression is none.
    Syntax,
    /// A jump goes to a scene that there is not.
    UnknownScene,
    /// A jump goes to a label that there is not.
    UnknownLabel,
    /// A variable is never given a value.
    UnknownVariable,
    /// A variable is called like a function or constant.
    ReservedName,
    /// An `*else` stands between options, where it is always taken.
    ElseAroundOptions,
    /// Two options of a choice cannot be told apart.
    SameCaption,
    /// An achievement is unlocked that is not declared.
    UndeclaredAchievement,
    /// Points do not add up to 100.
    Points,
    /// A path failed while the game was played.
    Failure,
    /// A path did not end.
    Endless,
    /// A scene was never entered.
    SceneNotReached,
    /// A label was never passed.
    LabelNotReached,
    /// Lines were never reached.
    LineNotReached,
    /// An achievement was never unlocked.
    AchievementNotReached,
    /// An option's body does not begin with a mark.
    OptionWithoutMark,
    /// A mark stands at several places.
    MarkTwice,
    /// A mark has no annotation.
    MarkWithoutAnnotation,
    /// An annotation belongs to no mark.
    AnnotationWithoutMark,
    /// An option's mark expresses no value.
    OptionWithoutValues,
    /// Value weights belong to a mark that begins no option.
    ValuesElsewhere,
    /// All options of a choice express the same.
    SameValues,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule.
    pub rule: Rule,
    /// The scene, if it is about one.
    pub scene: Option<String>,
    /// Line in the scene's file, from 1; 0 if unknown.
    pub row: u32,
    /// Column, from 1.
    pub column: u32,
    /// What was found, and what to do.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        match &self.scene {
            Some(scene) if self.row > 0 => {
                write!(f, "{scene}.txt:{}:{}: ", self.row, self.column)?;
            }
            Some(scene) => write!(f, "{scene}: ")?,
            None => {}
        }
        write!(f, "{severity}: {}", self.message)
    }
}

impl Finding {
    /// A finding about the whole game.
    pub(super) fn whole(severity: Severity, rule: Rule, message: impl Into<String>) -> Self {
        Self { severity, rule, scene: None, row: 0, column: 0, message: message.into() }
    }

    /// A finding about a line.
    pub(super) fn at(
        severity: Severity,
        rule: Rule,
        scene: &str,
        line: &crate::source::Line,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            rule,
            scene: Some(scene.to_owned()),
            row: line.row,
            column: line.indent as u32 + 1,
            message: message.into(),
        }
    }
}
