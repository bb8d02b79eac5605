//! What each line of a scene does.

use super::template::Template;
use crate::error::{Fault, FaultKind};
use crate::expression::{
    Arithmetic, Expression, Names, Resolve, Symbol, Value, is_identifier, parse,
};
use crate::limits::Limits;
use crate::rewrite::{self, ampersands, fairmath};
use std::sync::Arc;

/// What a line does. A line that must fail when it is reached carries its fault: the benchmark
/// finds mistakes only when it plays them, and its games rely on that.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Prints a text; `true` if it is the line that ends a game.
    Print(Template, bool),
    /// Offers options.
    Choose(Choice),
    /// Goes into the first body whose condition holds.
    Branch(Branch),
    /// Declares an achievement and skips its lines.
    Declare(Arc<Achievement>, u32),
    /// Unlocks an achievement.
    Achieve(Arc<str>),
    /// Switches hiding of used options on or off.
    Reuse {
        /// Whether used options are hidden from here on.
        hide: bool,
    },
    /// Creates a variable.
    Create(Assignment),
    /// Creates a variable that belongs to its scene.
    Temporary(Assignment),
    /// Assigns to a variable.
    Set(Assignment),
    /// Assigns to the variable that another one names.
    SetReference {
        /// Text that gives the name.
        reference: Box<str>,
        /// The value's text.
        value: Box<str>,
    },
    /// Assigns a random whole number between two bounds.
    Random {
        /// The variable.
        target: Target,
        /// Lower and upper bound.
        bounds: [Operand; 2],
    },
    /// Assigns the parameters of the last jump.
    Parameters(Vec<Target>),
    /// Ends the game.
    End,
    /// Goes to the first line of a scene.
    Finish(u32),
    /// Jumps or calls.
    Jump(Jump),
    /// Jumps to the label that a variable names.
    JumpReference(Box<str>),
    /// Jumps to one of several scenes.
    RandomScene(Arc<[Box<str>]>),
    /// Returns from a call.
    Return,
    /// Goes on behind this many further lines.
    Skip(u32),
    /// Does nothing.
    Nothing,
    /// Prints a message and fails.
    Refuse(Box<str>, Fault),
    /// Fails.
    Fail(Fault),
}

/// A word that is evaluated as it stands.
#[derive(Debug, Clone)]
pub struct Operand {
    /// The word.
    pub text: Box<str>,
    /// Its meaning; `None` if it is no expression.
    pub parsed: Option<Expression>,
}

/// Where a jump goes.
#[derive(Debug, Clone)]
pub struct Jump {
    /// Whether to come back.
    pub call: bool,
    /// The scene, unless it is this one.
    pub scene: Option<Box<str>>,
    /// The label, unless the scene's first line is meant.
    pub label: Option<Box<str>>,
    /// Parameters for the scene or label.
    pub parameters: Arc<[Parameter]>,
    /// Scene and line, where no value decides them.
    pub known: Option<(u32, u32)>,
}

/// A parameter of a jump.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// As written.
    pub text: Box<str>,
    /// What it means, as far as that is clear before the game is played.
    pub change: Change,
}

/// An assignment to a variable.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The variable.
    pub target: Target,
    /// Its new value, as written; `None` for none.
    pub text: Option<Box<str>>,
    /// What the text means, as far as that is clear before the game is played.
    pub change: Change,
}

/// A variable to be assigned.
#[derive(Debug, Clone)]
pub enum Target {
    /// Its symbol and name.
    Known(Symbol, Box<str>),
    /// A text that gives its name.
    Text(Box<str>),
}

impl Target {
    /// The text that gives the variable's name.
    pub fn text(&self) -> &str {
        match self {
            Self::Known(_, name) | Self::Text(name) => name,
        }
    }
}

/// A new value of a variable.
#[derive(Debug, Clone)]
pub enum Change {
    /// This value.
    Constant(Value),
    /// The value of an expression.
    Value(Expression),
    /// The old value and that of an expression, combined.
    Increment(Arithmetic, Expression),
    /// A part of the way to 100 (`add`) or to 0.
    Fairmath {
        /// Towards 100.
        add: bool,
        /// Percent of the way.
        by: Expression,
    },
    /// The texts of several values, joined.
    Join(Vec<Expression>),
    /// Decided when it is reached.
    Text,
}

/// A condition.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Always holds.
    Always,
    /// Never holds.
    Never,
    /// Holds if the expression is true.
    Parsed(Expression),
    /// Decided when it is reached.
    Text(Box<str>),
}

/// An `*if` with its alternatives.
#[derive(Debug, Clone)]
pub struct Branch {
    /// Conditions and the first lines of their bodies.
    pub clauses: Vec<(Condition, u32)>,
    /// The last line of the block.
    pub last: u32,
}

/// A `*choice`.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Options and groups of options.
    pub entries: Vec<Entry>,
}

/// An option or a group of options.
#[derive(Debug, Clone)]
pub enum Entry {
    /// An option.
    Option(OptionEntry),
    /// Options under a condition.
    Group(Condition, Vec<Entry>),
}

/// An option.
#[derive(Debug, Clone)]
pub struct OptionEntry {
    /// Its line.
    pub line: u32,
    /// Its number among all options of the program, for remembering which were used.
    pub slot: u32,
    /// Whether it is hidden once used: always, or only if the game says so for all options.
    pub hidden_once_used: bool,
    /// Whether it stays although the game hides used options.
    pub stays: bool,
    /// Whether it is offered.
    pub condition: Condition,
    /// Its text as written.
    pub caption: Arc<str>,
    /// Its text.
    pub text: Template,
    /// Where play goes on.
    pub target: Result<u32, FaultKind>,
}

/// An achievement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Achievement {
    /// Its id, in lower case.
    pub id: Arc<str>,
    /// Whether players see it before it is unlocked.
    pub visible: bool,
    /// Points.
    pub points: i64,
    /// Title.
    pub title: Box<str>,
    /// Description before it is unlocked.
    pub before: Box<str>,
    /// Description afterwards.
    pub after: Box<str>,
}

// Which expressions can be parsed before the game is played.
//
// An expression is evaluated by rewriting its text first. Where the rewriting depends on no
// value, it is done here once and the result parsed; everything else is left as text and rewritten
// when it is reached. Both ways give the same result, which the tests check.

/// A variable that tells the time; whatever asks for it is false.
pub(crate) const CHOICE_TIME_STAMP: &str = "choice_time_stamp";

/// The text of an expression after rewriting, if that depends on no value. `&` is left alone.
pub(crate) fn static_text(text: &str, keywords: &[Box<str>]) -> Option<String> {
    let depends = text.contains('{')
        || text.contains("choice_achieved_")
        || !rewrite::lengths(text).is_empty()
        || !rewrite::indexed(text).is_empty();
    (!depends).then(|| rewrite::keywords(&rewrite::operators(text), keywords))
}

/// Parses expressions while a program is compiled.
pub(super) struct Expressions<'a> {
    pub(super) names: &'a mut Names,
    pub(super) keywords: &'a [Box<str>],
    pub(super) limits: &'a Limits,
    /// Texts that look like numbers are compared and kept as numbers: always decided while playing.
    pub(super) numeric_texts: bool,
}

impl Expressions<'_> {
    fn parsed(&mut self, text: &str) -> Option<Expression> {
        parse(text.trim(), self.names, self.limits.expression_depth).ok()
    }

    /// Compiles a condition.
    pub(super) fn condition(&mut self, text: &str) -> Condition {
        if text.contains(CHOICE_TIME_STAMP) {
            return Condition::Never;
        }
        let dynamic = || Condition::Text(text.into());
        if self.numeric_texts {
            return dynamic();
        }
        let Some(mut rewritten) = static_text(rewrite::booleans(text).trim(), self.keywords) else {
            return dynamic();
        };
        if rewritten.contains('&') {
            let bare = rewritten.replace(['(', ')'], "");
            rewritten = ampersands(&bare).join("+");
        }
        if fairmath(&rewritten) {
            return dynamic();
        }
        self.parsed(&rewritten).map_or_else(dynamic, Condition::Parsed)
    }

    /// Compiles an assignment.
    pub(super) fn assignment(&mut self, variable: &str, value: Option<&str>) -> Assignment {
        let target = self.target(variable);
        let change = match (value, &target) {
            (None, _) => Change::Constant(Value::None),
            (Some(text), Target::Known(_, name)) if !self.numeric_texts => {
                let name = name.clone();
                self.change(&name, text).unwrap_or(Change::Text)
            }
            (Some(_), _) => Change::Text,
        };
        Assignment { target, text: value.map(Into::into), change }
    }

    /// Compiles a parameter. Fairmath needs to know the variable and is left for later.
    pub(super) fn parameter(&mut self, text: &str) -> Parameter {
        let later = self.numeric_texts || fairmath(text);
        let change = if later { None } else { self.change("", text) };
        Parameter { text: text.into(), change: change.unwrap_or(Change::Text) }
    }

    /// Compiles the name of a variable to be set.
    pub(super) fn target(&mut self, variable: &str) -> Target {
        let lower = variable.to_lowercase();
        let name = static_text(&lower, self.keywords).filter(|name| is_identifier(name));
        match name {
            Some(name) => Target::Known(self.names.symbol(&name), name.into()),
            None => Target::Text(variable.into()),
        }
    }

    fn change(&mut self, target: &str, text: &str) -> Option<Change> {
        if text.starts_with('&') || text.contains('#') || text.contains(CHOICE_TIME_STAMP) {
            return None;
        }
        let rewritten = static_text(text, self.keywords)?;
        if rewritten.contains('&') {
            return self.join(&rewritten);
        }
        let trimmed = rewritten.trim();
        if fairmath(trimmed) {
            return self.fairmath(target, trimmed);
        }
        match trimmed.to_lowercase().replace('"', "").as_str() {
            "true" => return Some(Change::Constant(Value::Bool(true))),
            "false" => return Some(Change::Constant(Value::Bool(false))),
            _ => {}
        }
        let operator = match trimmed.as_bytes().first()? {
            b'+' => Some(Arithmetic::Add),
            b'-' => Some(Arithmetic::Subtract),
            b'*' => Some(Arithmetic::Multiply),
            b'/' => Some(Arithmetic::Divide),
            _ => None,
        };
        if let Some(operator) = operator {
            return Some(Change::Increment(operator, self.parsed(&trimmed[1..].to_lowercase())?));
        }
        if trimmed.contains('=') {
            return self.parsed(trimmed).map(Change::Value);
        }
        if trimmed.contains(['"', '\'']) {
            return Some(Change::Constant(Value::text(&trimmed.replace(['\\', '"'], ""))));
        }
        // An assignment as such would also accept what is no expression, but nothing else.
        self.parsed(trimmed).filter(|parsed| parsed.root.is_some()).map(Change::Value)
    }

    fn join(&mut self, rewritten: &str) -> Option<Change> {
        let bare = rewritten.replace(['(', ')'], "");
        let parts = ampersands(&bare).into_iter().map(|part| self.parsed(part));
        parts.collect::<Option<Vec<_>>>().map(Change::Join)
    }

    /// `%+ x` and `%- x`, where `x` is one parenthesis or has none. In both cases the text of `x`'s
    /// value stands for `x`, if the value is a number.
    fn fairmath(&mut self, target: &str, text: &str) -> Option<Change> {
        let add = text.starts_with("%+");
        let by = text.strip_prefix("%+").or_else(|| text.strip_prefix("%-"))?.trim();
        let bare = by.strip_prefix('(').and_then(|by| by.strip_suffix(')')).unwrap_or(by);
        // The text is rewritten twice, so that only what rewriting leaves alone is allowed.
        let plain = |c: char| c.is_alphanumeric() || "_ .+-*/%".contains(c);
        if bare.trim().is_empty()
            || fairmath(bare)
            || !bare.chars().all(plain)
            || bare.contains("modulo")
            || bare.starts_with("round_to_int")
            || target.starts_with("round_to_int")
        {
            return None;
        }
        Some(Change::Fairmath { add, by: self.parsed(bare)? })
    }

    /// Compiles a word that is not rewritten.
    pub(super) fn operand(&mut self, text: &str) -> Operand {
        Operand { text: text.into(), parsed: self.parsed(text) }
    }
}
