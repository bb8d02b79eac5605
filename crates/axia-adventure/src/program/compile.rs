//! Turns the lines of all scenes into operations.

use std::collections::HashMap;
use std::sync::Arc;

use super::flow::Flow;
use super::flow::choice;
use super::operation::{Achievement, Branch, Condition, Jump, Operation};
use super::operation::{Expressions, static_text};
use super::template::Template;
use crate::error::{Fault, FaultKind};
use crate::expression::Names;
use crate::limits::Limits;
use crate::source::{Line, Source, parameters, split_words};

/// The line that ends a game.
pub(crate) const END_TEXT: &str = "THE END!";

/// The scenes of a game, parsed. Shared by all games in progress.
#[derive(Debug)]
pub struct Program {
    /// The game's title.
    pub title: Box<str>,
    /// All names in the game's text.
    pub names: Arc<Names>,
    /// The scenes, in the order of their names.
    pub scenes: Vec<Scene>,
    /// Keywords that are variables.
    pub keywords: Vec<Box<str>>,
    /// The limits that the program was parsed under, and that its games keep.
    pub limits: Limits,
    /// Texts that look like numbers become numbers: five of the benchmark's games need it.
    pub numeric_texts: bool,
    /// Options in all scenes.
    pub option_count: usize,
    scene_ids: HashMap<Box<str>, u32>,
    labels: HashMap<Box<str>, u32>,
}

/// A parsed scene.
#[derive(Debug)]
pub struct Scene {
    /// Its name, in lower case.
    pub name: Box<str>,
    /// Its lines.
    pub lines: Vec<Line>,
    /// What each line does.
    pub operations: Vec<Operation>,
    /// The line behind each line, for lines that do not jump.
    pub next: Vec<Result<u32, FaultKind>>,
    /// The options that count as unused again when the scene is entered.
    pub forgets: Vec<u32>,
}

/// Titles of the benchmark's games whose texts that look like numbers become numbers.
const NUMERIC_TEXT_TITLES: [&str; 5] =
    ["SLAMMED!", "Petal Throne", "Choice of the Pirate", "I, Cyborg", "The Hero Unmasked!"];

impl Program {
    /// Parses all lines. Mistakes in a line do not stop it: they are found when the line is
    /// reached, or by the checker.
    pub fn compile(source: Source, limits: Limits) -> Self {
        let scene_ids: HashMap<Box<str>, u32> =
            source.scenes.keys().zip(0..).map(|(name, id)| (name.as_str().into(), id)).collect();
        let keywords: Vec<Box<str>> = source.keywords.iter().map(|k| k.as_str().into()).collect();
        let order: Vec<String> = source.scene_list.iter().map(|name| name.to_lowercase()).collect();
        let labels: HashMap<Box<str>, u32> =
            source.labels.iter().map(|(name, line)| (name.as_str().into(), *line as u32)).collect();
        let numeric_texts = NUMERIC_TEXT_TITLES.contains(&source.title.as_str());
        let mut names = Names::default();
        let mut slots = Vec::new();
        let mut scenes = Vec::new();
        for (name, lines) in source.scenes {
            let expressions = Expressions {
                names: &mut names,
                keywords: &keywords,
                limits: &limits,
                numeric_texts,
            };
            let mut compiler = Compiler {
                scene: &name,
                title: &source.title,
                flow: Flow::new(&lines),
                lines: &lines,
                expressions,
                slots: &mut slots,
                scene_ids: &scene_ids,
                labels: &labels,
                order: &order,
            };
            let operations = (0..lines.len()).map(|at| compiler.operation(at)).collect();
            let next = compiler.flow.next;
            let forgets = Vec::new();
            scenes.push(Scene { name: name.into(), lines, operations, next, forgets });
        }
        for scene in &mut scenes {
            let mine = slots.iter().zip(0..).filter(|(slot, _)| slot.starts_with(&*scene.name));
            scene.forgets = mine.map(|(_, id)| id).collect();
        }
        Self {
            title: source.title.into(),
            names: Arc::new(names),
            scenes,
            keywords,
            limits,
            numeric_texts,
            option_count: slots.len(),
            scene_ids,
            labels,
        }
    }

    /// The number of a scene.
    pub fn scene_id(&self, name: &str) -> Option<u32> {
        self.scene_ids.get(name).copied()
    }

    /// A scene by its number.
    pub fn scene(&self, id: u32) -> Option<&Scene> {
        self.scenes.get(id as usize)
    }

    /// The line of a label.
    pub fn label(&self, scene: &str, label: &str) -> Option<u32> {
        self.labels.get(format!("{scene}_{label}").as_str()).copied()
    }

    /// All labels of a scene.
    pub fn labels_of<'a>(&'a self, scene: &'a str) -> impl Iterator<Item = &'a str> {
        self.labels.keys().filter_map(move |name| {
            name.strip_prefix(scene).and_then(|rest| rest.strip_prefix('_'))
        })
    }
}

pub(super) struct Compiler<'a> {
    pub(super) scene: &'a str,
    title: &'a str,
    pub(super) lines: &'a [Line],
    pub(super) flow: Flow,
    pub(super) expressions: Expressions<'a>,
    /// `scene_line` of every option so far.
    pub(super) slots: &'a mut Vec<String>,
    scene_ids: &'a HashMap<Box<str>, u32>,
    labels: &'a HashMap<Box<str>, u32>,
    order: &'a [String],
}

/// Commands without effect.
const WITHOUT_EFFECT: [&str; 25] = [
    "*label",
    "*comment",
    "*image",
    "*link",
    "*title",
    "*author",
    "***",
    "* * *",
    "*reset",
    "*script",
    "*product",
    "*purchase",
    "*looplimit",
    "*line_break",
    "*restore_game",
    "*save_game",
    "*show_password",
    "*advertisement",
    "*text_image",
    "*subscribe",
    "*feedback",
    "*check_purchase",
    "*delay_break",
    "*abort",
    "*check_achievements",
];

fn missing(what: &str) -> Fault {
    Fault::new(FaultKind::Index, format!("{what} is missing"))
}

fn unpack(words: &[&str]) -> Fault {
    Fault::new(FaultKind::Value, format!("the command needs more than {} words", words.len()))
}

impl Compiler<'_> {
    fn operation(&mut self, at: usize) -> Operation {
        self.try_operation(at).unwrap_or_else(Operation::Fail)
    }

    /// Commands are known by how a line begins; the order of the tests matters where one command
    /// begins like another.
    fn try_operation(&mut self, at: usize) -> Result<Operation, Fault> {
        let text = &*self.lines[at].text;
        if !text.starts_with('*') {
            return Ok(Operation::Print(
                Template::compile(text, &mut self.expressions),
                text == END_TEXT,
            ));
        }
        let lower = text.to_lowercase();
        let is = |command: &str| lower.starts_with(command);
        Ok(if is("*choice") || is("*fake_choice") {
            Operation::Choose(choice(self, at)?)
        } else if is("*if") {
            self.branch(at)?
        } else if is("*achievement") {
            self.achievement(at)?
        } else if is("*achieve") {
            let id = words(text).get(1).copied().ok_or_else(|| missing("an achievement"))?;
            Operation::Achieve(id.to_lowercase().into())
        } else if is("*allow_reuse") {
            Operation::Reuse { hide: false }
        } else if is("*bug") {
            self.refusal(at, "the game says that it should never come here")
        } else if is("*create") {
            let (variable, value) = variable_and_value(text)?;
            Operation::Create(self.expressions.assignment(variable, Some(value)))
        } else if is("*ending") || is("*delay_ending") {
            Operation::End
        } else if is("*finish") {
            self.finish()?
        } else if is("*gotoref") {
            let split = split_words(text, 2);
            Operation::JumpReference((*split.get(1).ok_or_else(|| unpack(&split))?).into())
        } else if is("*goto_random_scene") {
            let end = self.flow.group_end[at];
            Operation::RandomScene(self.lines[at + 1..end].iter().map(|l| l.text.clone()).collect())
        } else if is("*gosub") || is("*goto") {
            self.jump(text, is("*gosub"), is("*gosub_scene") || is("*goto_scene"))?
        } else if is("*hide_reuse") || is("*disable_reuse") {
            if text.contains('#') {
                let message = "an option stands outside of a choice";
                return Err(Fault::new(FaultKind::Assertion, message));
            }
            Operation::Reuse { hide: true }
        } else if is("*input_number") || is("*input_text") {
            let variable = words(text).get(1).copied().ok_or_else(|| missing("a variable"))?;
            let value = if is("*input_number") { "1" } else { typed_text(self.title, variable) };
            Operation::Set(self.expressions.assignment(variable, Some(value)))
        } else if is("*page_break") {
            let rest: String = text.chars().skip(12).collect();
            let line = format!("*****{rest}*****");
            Operation::Print(Template::compile(&line, &mut self.expressions), false)
        } else if is("*params") {
            let names = words(text).into_iter().skip(1);
            Operation::Parameters(names.map(|name| self.expressions.target(name)).collect())
        } else {
            self.other(at, text, &lower)?
        })
    }

    fn other(&mut self, at: usize, text: &str, lower: &str) -> Result<Operation, Fault> {
        let is = |command: &str| lower.starts_with(command);
        Ok(if is("*rand") {
            let split = split_words(text, 4);
            match split[..] {
                [_, target, low, high] => Operation::Random {
                    target: self.expressions.target(target),
                    bounds: [self.expressions.operand(low), self.expressions.operand(high)],
                },
                _ => return Err(unpack(&split)),
            }
        } else if is("*return") {
            Operation::Return
        } else if is("*setref") {
            let (reference, value) = variable_and_value(text)?;
            Operation::SetReference { reference: reference.into(), value: value.into() }
        } else if is("*set") {
            let (variable, value) = variable_and_value(text)?;
            Operation::Set(self.expressions.assignment(variable, Some(value)))
        } else if is("*stat_chart") || is("*scene_list") {
            Operation::Skip((self.flow.group_end[at] - 1) as u32)
        } else if is("*temp") {
            let split = split_words(text, 3);
            let variable = split.get(1).copied().ok_or_else(|| missing("a variable"))?;
            Operation::Temporary(self.expressions.assignment(variable, split.get(2).copied()))
        } else if WITHOUT_EFFECT.iter().any(|command| is(command)) || is("*(while stocks last)") {
            Operation::Nothing
        } else {
            let command = lower.split_whitespace().next().unwrap_or_default();
            self.refusal(at, &format!("the command `{command}` is not known"))
        })
    }

    /// A line that says where it is, and fails.
    fn refusal(&self, at: usize, message: &str) -> Operation {
        let text = &self.lines[at].text;
        let printed = format!("{} {} {at} {text}", self.title, self.scene);
        Operation::Refuse(printed.into(), Fault::new(FaultKind::Assertion, message))
    }

    fn branch(&mut self, at: usize) -> Result<Operation, Fault> {
        let broken = |message: &str| Fault::new(FaultKind::Assertion, message);
        let mut clauses = Vec::new();
        let mut head = at;
        loop {
            let line = &self.lines[head];
            let end = self.flow.group_end[head];
            if end == head + 1 {
                return Err(broken("a branch has no body: indent the lines below it"));
            }
            if self.flow.is_option(head).map_err(|kind| Fault::new(kind, "the scene breaks off"))? {
                return Err(broken("an option stands under an `*if` outside of a choice"));
            }
            clauses.push((self.clause(&line.text)?, head as u32 + 1));
            let more = self.lines.get(end).is_some_and(|next| {
                next.indent == line.indent
                    && (next.text.starts_with("*else") || next.text.starts_with("*elsif"))
            });
            if !more {
                return Ok(Operation::Branch(Branch { clauses, last: end as u32 - 1 }));
            }
            head = end;
        }
    }

    /// The condition of a line that begins with `*if`, `*elseif` or `*else`.
    pub(super) fn clause(&mut self, text: &str) -> Result<Condition, Fault> {
        for command in ["*if", "*elseif"] {
            if text.starts_with(command) {
                let condition = text.split(command).nth(1).unwrap_or_default();
                return Ok(self.expressions.condition(condition));
            }
        }
        if text.starts_with("*else") {
            return Ok(Condition::Always);
        }
        let message = "a branch begins with `*if`, `*elseif` or `*else`, in lower case";
        Err(Fault::new(FaultKind::Assertion, message))
    }

    fn achievement(&mut self, at: usize) -> Result<Operation, Fault> {
        let end = self.flow.group_end[at];
        let text = &self.lines[at].text;
        let split = words(text);
        let word = |n: usize, what: &str| split.get(n).copied().ok_or_else(|| missing(what));
        let id = word(1, "an id")?.to_lowercase();
        let visible = word(2, "`visible` or `hidden`")? == "visible";
        let points = word(3, "the number of points")?;
        let points = points.parse().map_err(|_| {
            Fault::new(FaultKind::Value, format!("`{points}` is not a number of points"))
                .about(points)
        })?;
        let line = |n: usize| {
            self.lines
                .get(at + n)
                .filter(|_| at + n < end)
                .map(|line| line.text.clone())
                .ok_or_else(|| missing("the description, indented below"))
        };
        let before = line(1)?;
        let after = if end - at == 2 { before.clone() } else { line(2)? };
        let title = split.get(4..).unwrap_or_default().join(" ").into();
        let achievement = Achievement { id: id.into(), visible, points, title, before, after };
        Ok(Operation::Declare(achievement.into(), end as u32))
    }

    fn finish(&self) -> Result<Operation, Fault> {
        let place = self.order.iter().position(|name| name == self.scene).ok_or_else(|| {
            Fault::new(FaultKind::Value, "the scene is not in the scene list, so that none follows")
        })?;
        let next = self.order.get(place + 1).ok_or_else(|| {
            Fault::new(FaultKind::Assertion, "no scene follows in the scene list: use `*ending`")
        })?;
        let id = self.scene_ids.get(next.as_str()).ok_or_else(|| unknown_scene(next))?;
        Ok(Operation::Finish(*id))
    }

    fn jump(&mut self, text: &str, call: bool, to_scene: bool) -> Result<Operation, Fault> {
        let split = parameters(text);
        let word = |n: usize| split.get(n).copied().map(Into::into);
        let first: Box<str> = word(1).ok_or_else(|| missing("the name of a scene or label"))?;
        let (scene, label, rest) =
            if to_scene { (Some(first), word(2), 3) } else { (None, Some(first), 2) };
        let known = self.destination(scene.as_deref(), label.as_deref());
        let parameters = split.get(rest..).unwrap_or_default().iter();
        let parameters = parameters.map(|text| self.expressions.parameter(text)).collect();
        Ok(Operation::Jump(Jump { call, scene, label, parameters, known }))
    }

    /// Scene and line of a jump whose names are plain words.
    fn destination(&self, scene: Option<&str>, label: Option<&str>) -> Option<(u32, u32)> {
        let plain = |text: &str| {
            let rewritten = static_text(text, &[]).filter(|t| !t.contains('&'))?;
            Some(rewritten.to_lowercase())
        };
        let scene = match scene {
            Some(scene) => plain(scene)?,
            None => self.scene.to_owned(),
        };
        let line = match label {
            Some(label) => *self.labels.get(format!("{scene}_{}", plain(label)?).as_str())?,
            None => 0,
        };
        Some((*self.scene_ids.get(scene.as_str())?, line))
    }
}

pub(crate) fn unknown_scene(name: &str) -> Fault {
    Fault::new(FaultKind::Key, format!("there is no scene `{name}`")).about(name)
}

fn words(text: &str) -> Vec<&str> {
    split_words(text, usize::MAX)
}

fn variable_and_value(text: &str) -> Result<(&str, &str), Fault> {
    let split = split_words(text, 3);
    match split[..] {
        [_, variable, value] => Ok((variable, value)),
        _ => Err(unpack(&split)),
    }
}

/// What the benchmark types where a game asks for text. Some games stop without the right word.
fn typed_text(title: &str, variable: &str) -> &'static str {
    match (title, variable) {
        ("Creatures Such as We", "GameEnding") => "\"best\"",
        ("The Hero Unmasked!", "twinname" | "HERO2") | ("Tally Ho", "codename") => {
            "\"user_input_2\""
        }
        ("Choice of Rebels: Uprising", "lname") => "\"Metanatou\"",
        ("Werewolves: Pack Menality", "logistics_dataname") => "\"exit\"",
        _ => "\"user_input\"",
    }
}
