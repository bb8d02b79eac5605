//! Checks of marks, annotations and points in games of one's own.

use std::collections::HashMap;

use super::finding::{Finding, Rule, Severity};
use crate::game::{Game, Origin};
use crate::nodes::mark;
use crate::program::{Choice, Entry, Operation, OptionEntry, Scene};

/// Checks what can be measured.
pub(super) fn check_marks(game: &Game) -> Vec<Finding> {
    let mut findings = Vec::new();
    points(game, &mut findings);
    if game.origin != Origin::Folder {
        return findings;
    }
    let mut beginnings = Vec::new();
    for scene in &game.program.scenes {
        for operation in &scene.operations {
            if let Operation::Choose(choice) = operation {
                options(game, scene, choice, &mut beginnings, &mut findings);
            }
        }
    }
    marks(game, &beginnings, &mut findings);
    for id in &game.unplaced {
        findings.push(Finding::whole(
            Severity::Warning,
            Rule::AnnotationWithoutMark,
            format!("annotations.toml has [marks.{id}], but no scene has `*comment @{id}`"),
        ));
    }
    findings
}

fn points(game: &Game, findings: &mut Vec<Finding>) {
    if game.max_points != 100 {
        findings.push(Finding::whole(
            if game.origin == Origin::Folder { Severity::Warning } else { Severity::Note },
            Rule::Points,
            format!("the achievements are worth {} points together, not 100", game.max_points),
        ));
    }
}

/// Checks the options of a choice and notes the marks that begin them.
fn options(
    game: &Game,
    scene: &Scene,
    choice: &Choice,
    beginnings: &mut Vec<u32>,
    findings: &mut Vec<Finding>,
) {
    let mut all = Vec::new();
    flatten(&choice.entries, &mut all);
    let mut seen: HashMap<&str, u32> = HashMap::new();
    let mut weights = Vec::new();
    for option in &all {
        let Some(line) = scene.lines.get(option.line as usize) else { continue };
        let mut find = |severity, rule, message: String| {
            findings.push(Finding::at(severity, rule, &scene.name, line, message));
        };
        if seen.insert(&option.caption, option.line).is_some() {
            let message = format!("the choice has the option `{}` twice", option.caption);
            find(Severity::Warning, Rule::SameCaption, message);
        }
        let body = option.target.ok().filter(|target| *target == option.line + 1);
        let node = body.and_then(|body| {
            let id = scene.lines.get(body as usize).and_then(|l| mark(&l.text))?;
            game.nodes.names().iter().position(|name| **name == *id)
        });
        let Some(node) = node else {
            let message =
                "the option's body does not begin with a mark: add `*comment @id` below it".into();
            find(Severity::Error, Rule::OptionWithoutMark, message);
            continue;
        };
        beginnings.push(node as u32);
        match game.value_weights(node as u32) {
            Some(found) => weights.push(found),
            None => {
                let message = "the option's mark expresses no value: add `values`".into();
                find(Severity::Note, Rule::OptionWithoutValues, message);
            }
        }
    }
    let first = weights.first();
    if weights.len() == all.len()
        && all.len() > 1
        && weights.iter().all(|w| Some(w) == first)
        && let Some(line) = all.first().and_then(|o| scene.lines.get(o.line as usize))
    {
        let message = "all options of the choice express the same values";
        findings.push(Finding::at(Severity::Warning, Rule::SameValues, &scene.name, line, message));
    }
}

fn flatten<'a>(entries: &'a [Entry], all: &mut Vec<&'a OptionEntry>) {
    for entry in entries {
        match entry {
            Entry::Option(option) => all.push(option),
            Entry::Group(_, entries) => flatten(entries, all),
        }
    }
}

fn marks(game: &Game, beginnings: &[u32], findings: &mut Vec<Finding>) {
    let mut places: HashMap<&str, usize> = HashMap::new();
    for scene in &game.program.scenes {
        for line in &scene.lines {
            let Some(id) = mark(&line.text) else { continue };
            let mut find = |severity, rule, message: String| {
                findings.push(Finding::at(severity, rule, &scene.name, line, message));
            };
            let count = places.entry(id).or_default();
            *count += 1;
            if *count > 1 {
                let message = format!("the mark `{id}` stands at several places");
                find(Severity::Error, Rule::MarkTwice, message);
            }
            let Some(node) = game.nodes.names().iter().position(|name| **name == *id) else {
                continue;
            };
            if game.annotation(node as u32).is_none() {
                let message = format!("the mark `{id}` has no entry in annotations.toml");
                find(Severity::Error, Rule::MarkWithoutAnnotation, message);
            }
            if game.value_weights(node as u32).is_some() && !beginnings.contains(&(node as u32)) {
                let message =
                    format!("`values` of the mark `{id}` count for nothing: it begins no option");
                find(Severity::Warning, Rule::ValuesElsewhere, message);
            }
        }
    }
}
