//! What each line of a scene does.

use std::sync::Arc;

use super::template::Template;
use crate::error::{Fault, FaultKind};
use crate::expression::{Arithmetic, Expression, Symbol, Value};

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
