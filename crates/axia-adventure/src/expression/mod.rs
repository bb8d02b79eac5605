//! Expressions: values, arithmetic, syntax and evaluation, all as the benchmark's evaluator
//! (a subset of Python) has them.

mod evaluate;
mod format;
mod functions;
mod logarithm;
mod names;
mod number;
mod parse;
mod scalar;
mod symbols;
mod syntax;
mod token;
mod value;

pub(crate) use evaluate::apply;
pub use evaluate::{Spelling, evaluate};
pub use format::float_text;
pub(crate) use format::quoted;
pub(crate) use logarithm::log10;
pub use names::{Names, Resolve, Symbol};
pub(crate) use names::{is_identifier, is_reserved};
pub use number::Arithmetic;
pub(crate) use number::round;
pub use parse::parse;
pub use symbols::Symbols;
pub use syntax::{Expression, Node};
pub(crate) use value::character;
pub use value::{Scalar, Value};
