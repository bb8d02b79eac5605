//! Expressions: values, arithmetic, syntax and evaluation, all as the benchmark's evaluator
//! (a subset of Python) has them.

mod evaluate;
mod functions;
mod names;
mod number;
mod parse;
mod scalar;
mod symbols;
mod token;
mod value;

pub(crate) use evaluate::apply;
pub use evaluate::{Spelling, evaluate};
pub(crate) use functions::log10;
pub use names::{Names, Resolve, Symbol};
pub(crate) use names::{is_identifier, is_reserved};
pub use number::Arithmetic;
pub(crate) use number::round;
pub use parse::parse;
pub use symbols::Symbols;
pub use token::{Expression, Node};
pub use value::{Scalar, Value, float_text};
pub(crate) use value::{character, quoted};
