//! Scenes parsed once into operations.

mod compile;
mod flow;
mod operation;
mod template;

pub(crate) use compile::{END_TEXT, unknown_scene};
pub use compile::{Program, Scene};
pub(crate) use operation::CHOICE_TIME_STAMP;
pub use operation::{
    Achievement, Assignment, Branch, Change, Choice, Condition, Entry, Jump, Operand, Operation,
    OptionEntry, Parameter, Target,
};
pub use template::{Letters, Part, Template};
pub(crate) use template::{MARKS, variants};
