//! Finds mistakes that show without playing.

use std::collections::BTreeSet;

use super::report::{Finding, Rule, Severity};
use crate::error::{FaultKind, nearest};
use crate::expression::{Expression, Node, Symbol};
use crate::game::Game;
use crate::program::{
    Assignment, Change, Condition, Entry, Jump, Operation, Part, Program, Scene, Target, Template,
};
use crate::source::Line;

/// Checks every line of a game.
pub(super) fn check_lines(game: &Game) -> Vec<Finding> {
    let mut checker = Checker {
        program: &game.program,
        variables: assigned(&game.program),
        findings: Vec::new(),
    };
    let declared: BTreeSet<&str> = game.achievements.iter().map(|a| &*a.id).collect();
    for scene in &game.program.scenes {
        for (line, operation) in scene.lines.iter().zip(&scene.operations) {
            checker.operation(scene, line, operation);
            if let Operation::Achieve(id) = operation
                && !declared.contains(&**id)
            {
                let hint = hint(nearest(id, declared.iter().copied()));
                let message = format!(
                    "the achievement `{id}` is not declared before the first choice, so that it \
                     counts for nothing{hint}"
                );
                checker.find(Severity::Error, Rule::UndeclaredAchievement, scene, line, message);
            }
        }
    }
    checker.findings
}

fn hint(name: Option<String>) -> String {
    name.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// The names of all variables that some line assigns.
fn assigned(program: &Program) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut note = |target: &Target| names.insert(target.text().to_lowercase());
    for operation in program.scenes.iter().flat_map(|scene| &scene.operations) {
        match operation {
            Operation::Create(a) | Operation::Temporary(a) | Operation::Set(a) => {
                note(&a.target);
            }
            Operation::Random { target, .. } => {
                note(target);
            }
            Operation::Parameters(targets) => {
                for target in targets {
                    note(target);
                }
            }
            _ => {}
        }
    }
    names
}

struct Checker<'a> {
    program: &'a Program,
    variables: BTreeSet<String>,
    findings: Vec<Finding>,
}

impl Checker<'_> {
    fn find(
        &mut self,
        severity: Severity,
        rule: Rule,
        scene: &Scene,
        line: &Line,
        message: impl Into<String>,
    ) {
        self.findings.push(Finding::at(severity, rule, &scene.name, line, message));
    }

    fn operation(&mut self, scene: &Scene, line: &Line, operation: &Operation) {
        match operation {
            Operation::Fail(fault) | Operation::Refuse(_, fault) => {
                // An `*if` above options is part of their choice and is never reached by itself.
                let around_options = fault.kind == FaultKind::Assertion
                    && line.text.starts_with("*if")
                    && fault.message.contains("option stands under");
                // Alternatives are reached through their `*if`.
                let alternative = line.text.starts_with("*else") || line.text.starts_with('#');
                let before_option = line.text.contains('#') && line.text.starts_with('*');
                if !(around_options || alternative || before_option) {
                    let rule = match fault.kind {
                        FaultKind::Syntax => Rule::Syntax,
                        FaultKind::Key => Rule::UnknownScene,
                        _ => Rule::BrokenLine,
                    };
                    self.find(Severity::Error, rule, scene, line, &*fault.message);
                }
            }
            Operation::Print(template, _) => self.template(scene, line, template),
            Operation::Choose(choice) => self.entries(scene, &choice.entries),
            Operation::Branch(branch) => {
                for (condition, _) in &branch.clauses {
                    self.condition(scene, line, condition);
                }
            }
            Operation::Create(a) | Operation::Temporary(a) | Operation::Set(a) => {
                self.assignment(scene, line, a);
            }
            Operation::Random { target, bounds } => {
                self.target(scene, line, target);
                for bound in bounds {
                    match &bound.parsed {
                        Some(parsed) => self.expression(scene, line, parsed),
                        None => self.no_expression(scene, line, &bound.text),
                    }
                }
            }
            Operation::Jump(jump) => self.jump(scene, line, jump),
            _ => {}
        }
    }

    fn no_expression(&mut self, scene: &Scene, line: &Line, text: &str) {
        let message = format!("`{text}` is not an expression");
        self.find(Severity::Error, Rule::Syntax, scene, line, message);
    }

    fn jump(&mut self, scene: &Scene, line: &Line, jump: &Jump) {
        if jump.known.is_some() {
            return;
        }
        let dynamic = |text: &Option<Box<str>>| text.as_ref().is_some_and(|t| t.contains('{'));
        if dynamic(&jump.scene) || dynamic(&jump.label) {
            return;
        }
        let to = jump.scene.as_deref().map_or(scene.name.to_string(), str::to_lowercase);
        if self.program.scene_id(&to).is_none() {
            let names = self.program.scenes.iter().map(|scene| &*scene.name);
            let message = format!("there is no scene `{to}`{}", hint(nearest(&to, names)));
            self.find(Severity::Error, Rule::UnknownScene, scene, line, message);
        } else if let Some(label) = &jump.label {
            let hint = hint(nearest(label, self.program.labels_of(&to)));
            let message = format!("there is no label `{label}` in the scene `{to}`{hint}");
            self.find(Severity::Error, Rule::UnknownLabel, scene, line, message);
        }
    }

    fn entries(&mut self, scene: &Scene, entries: &[Entry]) {
        for entry in entries {
            match entry {
                Entry::Group(condition, entries) => {
                    if let Some(Entry::Option(first)) = entries.first()
                        && let Some(line) = scene.lines.get(first.line as usize - 1)
                    {
                        self.condition(scene, line, condition);
                        if line.text.starts_with("*else") {
                            let message = "`*else` and `*elseif` around options are tested by \
                                themselves, and `*else` is always taken: use `*if (not(…))`";
                            self.find(
                                Severity::Error,
                                Rule::ElseAroundOptions,
                                scene,
                                line,
                                message,
                            );
                        }
                    }
                    self.entries(scene, entries);
                }
                Entry::Option(option) => {
                    if let Some(line) = scene.lines.get(option.line as usize) {
                        self.condition(scene, line, &option.condition);
                        self.template(scene, line, &option.text);
                    }
                }
            }
        }
    }

    fn condition(&mut self, scene: &Scene, line: &Line, condition: &Condition) {
        if let Condition::Parsed(expression) = condition {
            self.expression(scene, line, expression);
            let boolean = !matches!(
                expression.root,
                Some(Node::Constant(_) | Node::Binary(..) | Node::Unary(..)) | None
            );
            let literal =
                matches!(&expression.root, Some(Node::Constant(crate::expression::Value::Bool(_))));
            if !boolean && !literal && line.text.starts_with('*') {
                let message = format!("`{}` is neither true nor false", expression.source);
                self.find(Severity::Error, Rule::BrokenLine, scene, line, message);
            }
        }
    }

    fn template(&mut self, scene: &Scene, line: &Line, template: &Template) {
        let Template::Parts(parts, _) = template else { return };
        for part in parts {
            if let Part::Value(Condition::Parsed(expression), _)
            | Part::Variant(Condition::Parsed(expression), _) = part
            {
                self.expression(scene, line, expression);
            }
        }
    }

    fn assignment(&mut self, scene: &Scene, line: &Line, assignment: &Assignment) {
        self.target(scene, line, &assignment.target);
        match &assignment.change {
            Change::Value(expression)
            | Change::Increment(_, expression)
            | Change::Fairmath { by: expression, .. } => self.expression(scene, line, expression),
            Change::Join(parts) => {
                for part in parts {
                    self.expression(scene, line, part);
                }
            }
            Change::Constant(_) | Change::Text => {}
        }
    }

    fn target(&mut self, scene: &Scene, line: &Line, target: &Target) {
        if let Target::Known(symbol, name) = target
            && self.program.names.predefined(symbol).is_some()
        {
            let message = format!(
                "the variable `{name}` is called like a function or constant: choose another name"
            );
            self.find(Severity::Warning, Rule::ReservedName, scene, line, message);
        }
    }

    fn expression(&mut self, scene: &Scene, line: &Line, expression: &Expression) {
        let mut unknown = Vec::new();
        if let Some(root) = &expression.root {
            self.names(root, &mut unknown);
        }
        for name in unknown {
            let hint = hint(nearest(&name, self.variables.iter().map(String::as_str)));
            let message = format!("the variable `{name}` is never given a value{hint}");
            self.find(Severity::Error, Rule::UnknownVariable, scene, line, message);
        }
    }

    fn names(&self, node: &Node, unknown: &mut Vec<String>) {
        let known = |symbol: &Symbol| {
            let name = self.program.names.name(symbol);
            self.variables.contains(name) || self.program.names.predefined(symbol).is_some()
        };
        match node {
            Node::Name(exact, lower) => {
                if !known(exact) && !known(lower) {
                    unknown.push(self.program.names.name(exact).to_owned());
                }
            }
            Node::Constant(_) => {}
            Node::Unary(_, inner) | Node::Not(inner) | Node::Attribute(inner, _) => {
                self.names(inner, unknown);
            }
            Node::Binary(_, pair) | Node::Bits(_, pair) | Node::Index(pair) => {
                self.names(&pair.0, unknown);
                self.names(&pair.1, unknown);
            }
            Node::Logic(_, nodes) | Node::Sequence(_, nodes) => {
                nodes.iter().for_each(|node| self.names(node, unknown));
            }
            Node::Compare(first, rest) => {
                self.names(first, unknown);
                rest.iter().for_each(|(_, node)| self.names(node, unknown));
            }
            Node::Call(function, arguments) => {
                self.names(function, unknown);
                arguments.iter().for_each(|node| self.names(node, unknown));
            }
            Node::Conditional(parts) => {
                self.names(&parts.0, unknown);
                self.names(&parts.1, unknown);
                self.names(&parts.2, unknown);
            }
        }
    }
}
